#pragma once

#include "app/cli/exit_status.h"
#include "vmm/base/result.h"

#include <QJsonArray>
#include <QJsonObject>
#include <QString>

namespace vivarium::cli {

// Everything viv writes. Text goes to standard output as UTF-8; control characters in names are
// escaped so that a machine's name cannot command a terminal.
void printText(const QString& text); // as it is, with a line end
void printJson(const QJsonObject& object);
void printJson(const QJsonArray& array);
// "viv: <sentence>" on standard error; returns the exit status that belongs to the error.
ExitStatus printError(const Error& error);
// `text` with control characters as \n, \t, \xNN.
QString printable(const QString& text);

} // namespace vivarium::cli
