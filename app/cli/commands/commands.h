#pragma once

namespace vivarium::cli {

class CommandTable;

// Each registers one sub-command; the file has its name.
void addCloneCommands(CommandTable& table); // clone, fork, template
void addCreateCommand(CommandTable& table);
void addDeleteCommand(CommandTable& table);
void addDiskCommand(CommandTable& table); // and its sub-commands
void addDriveCommand(CommandTable& table); // and its sub-commands
void addInfoCommand(CommandTable& table);
void addKeyCommand(CommandTable& table);
void addListCommand(CommandTable& table);
void addLogCommand(CommandTable& table);
void addMediaCommand(CommandTable& table);
void addPowerCommands(CommandTable& table); // pause, resume, reset, stop
void addRenameCommand(CommandTable& table);
void addRunCommand(CommandTable& table);
void addSaveCommand(CommandTable& table);
void addScreenCommand(CommandTable& table);
void addScreenshotCommand(CommandTable& table);
void addSerialCommand(CommandTable& table);
void addSetCommand(CommandTable& table);
void addSnapshotCommand(CommandTable& table);
void addStartCommand(CommandTable& table);
void addTypeCommand(CommandTable& table);
void addVncCommand(CommandTable& table);
void addWaitCommand(CommandTable& table);

} // namespace vivarium::cli
