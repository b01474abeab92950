#pragma once

#include "app/gui/command_line.h"
#include "app/gui/running_instance.h"
#include "core/database/library.h"
#include "core/snapshots/snapshot_service.h"
#include "core/supervisor/supervisor.h"
#include "ui/main_window/main_window.h"
#include "ui/main_window/session_end.h"
#include "ui/widgets/current_preferences.h"
#include "ui/widgets/guest_display.h"

#include <QTranslator>

#include <memory>

namespace vivarium {

// Puts the application together: preferences, language, library, supervisor, windows. Owns all of
// it in the order in which it must go. GUI thread.
class Application : public QObject {
    Q_OBJECT
public:
    explicit Application(const CommandLine& commandLine);
    ~Application() override;

    enum class Opened {
        Windows,
        Elsewhere, // an application that runs already shows it
        Nothing,   // it could not be opened, and the user knows why
    };
    // Opens what was asked for.
    Opened open();

private:
    void loadLanguage();
    bool openRemoteScreen();
    bool openLibrary();
    // Asks what to do about a library that does not open; true: try again with m_libraryFolder.
    bool askAboutLibrary(const Error& error);
    void runCommands(const CommandLine& commands);
    void comeToFront(const CommandLine& commands);

    CommandLine m_commandLine;
    CurrentPreferences m_preferences;
    QTranslator m_translator;
    QTranslator m_qtTranslator;
    QString m_libraryFolder;
    std::unique_ptr<Library> m_library;
    std::unique_ptr<Supervisor> m_supervisor;
    std::unique_ptr<SnapshotService> m_snapshots;
    std::unique_ptr<GuestDisplays> m_displays;
    std::unique_ptr<RunningInstance> m_instance;
    std::unique_ptr<MainWindow> m_window;
    std::unique_ptr<SessionEnd> m_sessionEnd;
    std::unique_ptr<QWidget> m_remote;
};

} // namespace vivarium
