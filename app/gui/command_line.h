#pragma once

#include <QString>
#include <QStringList>

#include <optional>

namespace vivarium {

// What the application was asked to do when it was started.
struct CommandLine {
    QString startMachine;  // name or id: start it and show its console
    QString showMachine;   // show its console
    QString remoteScreen;  // vnc:// address: only its window
    QString addedFile;     // absolute path of a disk, an image or exported settings to add
    QString libraryFolder; // instead of the usual one

    // Parses the arguments; ends the program for --help, --version and mistakes.
    static CommandLine parse(const QStringList& arguments);
};

} // namespace vivarium
