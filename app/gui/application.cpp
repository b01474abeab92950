#include "app/gui/application.h"

#include "ui/console/remote_console.h"
#include "ui/library/machine_list.h"
#include "ui/main_window/console_windows.h"
#include "ui/main_window/machine_operations.h"
#include "ui/text/error_text.h"
#include "ui/widgets/notification_center.h"

#include <QApplication>
#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QFileDialog>
#include <QLibraryInfo>
#include <QLocale>
#include <QMessageBox>
#include <QPushButton>
#include <QThreadPool>

namespace vivarium {

namespace {
constexpr int kBackgroundThreads = 16;
}

Application::Application(const CommandLine& commandLine)
    : m_commandLine(commandLine), m_preferences(ApplicationPaths::fromEnvironment()),
      m_libraryFolder(commandLine.libraryFolder.isEmpty() ? m_preferences.paths().library
                                                          : commandLine.libraryFolder) {
    // Background jobs wait for files and drives far more than they compute; one that hangs must not
    // keep the others waiting.
    QThreadPool::globalInstance()->setMaxThreadCount(kBackgroundThreads);
    loadLanguage();
    connect(&m_preferences, &CurrentPreferences::changed, this, &Application::loadLanguage);
}

Application::~Application() = default;

void Application::loadLanguage() {
    const QString code = m_preferences.value().language;
    const QLocale locale = code.isEmpty() ? QLocale::system() : QLocale(code);
    QLocale::setDefault(locale);
    QCoreApplication::removeTranslator(&m_translator);
    QCoreApplication::removeTranslator(&m_qtTranslator);
    if (m_qtTranslator.load(locale, QStringLiteral("qtbase"), QStringLiteral("_"),
                            QLibraryInfo::path(QLibraryInfo::TranslationsPath)))
        QCoreApplication::installTranslator(&m_qtTranslator);
    // English has a catalogue as well, for its plurals; it serves languages without one.
    for (const QLocale& candidate : {locale, QLocale(QLocale::English)}) {
        if (m_translator.load(candidate, QStringLiteral("vivarium"), QStringLiteral("_"),
                              QStringLiteral(":/i18n"))) {
            QCoreApplication::installTranslator(&m_translator);
            return;
        }
    }
}

Application::Opened Application::open() {
    if (!m_commandLine.remoteScreen.isEmpty())
        return openRemoteScreen() ? Opened::Windows : Opened::Nothing;
    if (RunningInstance(m_preferences.paths().runtime, m_libraryFolder).handOver(m_commandLine))
        return Opened::Elsewhere;
    return openLibrary() ? Opened::Windows : Opened::Nothing;
}

bool Application::openRemoteScreen() {
    const Result<VncAddress> address = VncAddress::parse(m_commandLine.remoteScreen);
    if (!address) {
        const UserMessage text = describeError(Operation::ConnectRemoteScreen,
                                               m_commandLine.remoteScreen, address.error());
        QMessageBox::critical(nullptr, QStringLiteral("Vivarium"),
                              text.title + u'\n' + text.detail);
        return false;
    }
    auto console = std::make_unique<RemoteConsole>(m_preferences, *address);
    console->setAttribute(Qt::WA_DeleteOnClose, false); // owned here
    console->show();
    m_remote = std::move(console);
    return true;
}

bool Application::openLibrary() {
    Result<std::unique_ptr<Library>> library =
        Library::open(m_libraryFolder, m_preferences.paths().machines);
    while (!library) {
        if (!askAboutLibrary(library.error()))
            return false;
        library = Library::open(m_libraryFolder, m_preferences.paths().machines);
    }
    m_library = std::move(*library);
    m_supervisor = std::make_unique<Supervisor>(*m_library);
    m_snapshots = std::make_unique<SnapshotService>(*m_library, *m_supervisor);
    m_displays = std::make_unique<GuestDisplays>(*m_supervisor);
    m_window = std::make_unique<MainWindow>(*m_library, *m_supervisor, *m_snapshots, *m_displays,
                                            m_preferences);
    m_sessionEnd =
        std::make_unique<SessionEnd>(*m_library, *m_supervisor, *m_snapshots, m_preferences,
                                     m_window->notifications(), QDBusConnection::systemBus());
    m_instance = std::make_unique<RunningInstance>(m_preferences.paths().runtime, m_libraryFolder);
    connect(m_instance.get(), &RunningInstance::commandsArrived, this, &Application::comeToFront);
    // Without its socket another application shows the library beside this one, which does no harm.
    static_cast<void>(m_instance->listen().has_value());
    m_window->show();
    runCommands(m_commandLine);
    return true;
}

bool Application::askAboutLibrary(const Error& error) {
    const UserMessage text = describeError(Operation::OpenLibrary, m_libraryFolder, error);
    QMessageBox box(QMessageBox::Critical, QStringLiteral("Vivarium"), text.title);
    box.setInformativeText(text.body());
    box.setDetailedText(text.detail);
    const QPushButton* other = box.addButton(tr("Use Another &Folder…"), QMessageBox::ActionRole);
    const QPushButton* moveAway =
        error.code == ErrorCode::Corrupt
            ? box.addButton(tr("&Move It Away and Begin Empty"), QMessageBox::ActionRole)
            : nullptr;
    box.setDefaultButton(box.addButton(tr("&Quit"), QMessageBox::RejectRole));
    box.exec();
    if (box.clickedButton() == other) {
        const QString folder =
            QFileDialog::getExistingDirectory(nullptr, tr("Library Folder"), QDir::homePath());
        if (folder.isEmpty())
            return false;
        m_libraryFolder = folder;
        return true;
    }
    if (!moveAway || box.clickedButton() != moveAway)
        return false;
    const QString file = QDir(m_libraryFolder).filePath(QStringLiteral("library.sqlite"));
    const QString stamp = QDateTime::currentDateTime().toString(QStringLiteral("yyyyMMdd-HHmmss"));
    for (const QString& part : {file, file + QStringLiteral("-wal"), file + QStringLiteral("-shm")})
        QFile::rename(part, part + QStringLiteral(".damaged-") + stamp);
    return !QFile::exists(file);
}

void Application::comeToFront(const CommandLine& commands) {
    if (commands.showMachine.isEmpty()) { // else its console does
        m_window->setWindowState(m_window->windowState() & ~Qt::WindowMinimized);
        m_window->show();
        m_window->raise();
        m_window->activateWindow();
    }
    runCommands(commands);
}

void Application::runCommands(const CommandLine& commands) {
    if (!commands.addedFile.isEmpty())
        m_window->addFile(commands.addedFile);
    const auto resolve = [this](const QString& name, Operation operation) {
        const Result<MachineId> id = m_library->resolve(name);
        if (!id)
            m_window->notifications().showFailure(describeError(operation, name, id.error()));
        return id ? *id : MachineId();
    };
    if (!commands.startMachine.isEmpty()) {
        const MachineId id = resolve(commands.startMachine, Operation::StartMachine);
        m_window->machineList().select(id);
        if (!id.isNull())
            m_window->operations().start(id, MachineOperations::StartMode::Normal);
    }
    if (!commands.showMachine.isEmpty()) {
        const MachineId id = resolve(commands.showMachine, Operation::StartMachine);
        m_window->machineList().select(id);
        if (!id.isNull())
            m_window->consoles().show(id);
    }
}

} // namespace vivarium
