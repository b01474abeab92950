#include "app/gui/command_line.h"

#include <QCommandLineParser>
#include <QCoreApplication>
#include <QFileInfo>
#include <QUrl>

namespace vivarium {

CommandLine CommandLine::parse(const QStringList& arguments) {
    const auto tr = [](const char* text) {
        return QCoreApplication::translate("CommandLine", text);
    };
    QCommandLineParser parser;
    parser.setApplicationDescription(
        tr(QT_TRANSLATE_NOOP("CommandLine", "Runs virtual machines on this computer.")));
    parser.addHelpOption();
    parser.addVersionOption();
    const QCommandLineOption start(
        QStringLiteral("start"),
        tr(QT_TRANSLATE_NOOP("CommandLine", "Starts the machine NAME and shows its screen.")),
        QStringLiteral("NAME"));
    const QCommandLineOption show(
        QStringLiteral("show"),
        tr(QT_TRANSLATE_NOOP("CommandLine", "Shows the screen of the running machine NAME.")),
        QStringLiteral("NAME"));
    const QCommandLineOption library(
        QStringLiteral("library"),
        tr(QT_TRANSLATE_NOOP("CommandLine", "Uses the library in FOLDER.")),
        QStringLiteral("FOLDER"));
    parser.addOptions({start, show, library});
    parser.addPositionalArgument(
        QStringLiteral("address"),
        tr(QT_TRANSLATE_NOOP("CommandLine", "A remote screen to show (vnc://host:port), or a "
                                            "disk, image or exported settings to add.")),
        QStringLiteral("[vnc://host:port|FILE]"));
    parser.process(arguments);
    CommandLine options;
    options.startMachine = parser.value(start);
    options.showMachine = parser.value(show);
    options.libraryFolder = parser.value(library);
    const QStringList positional = parser.positionalArguments();
    if (positional.size() > 1)
        parser.showHelp(2);
    if (positional.isEmpty())
        return options;
    const QUrl url(positional.first());
    if (url.scheme() == u"vnc")
        options.remoteScreen = positional.first();
    else
        options.addedFile = QFileInfo(url.isLocalFile() ? url.toLocalFile() : positional.first())
                                .absoluteFilePath();
    return options;
}

} // namespace vivarium
