#include "tests/gui/gui_fixture.h"

#include <QTest>

namespace vivarium::test {

namespace {

constexpr int kTimeoutMs = 30'000;

template <class T>
Result<T> wait(const QFuture<Result<T>>& future) {
    if (!QTest::qWaitFor([&future] { return future.isFinished(); }, kTimeoutMs))
        return fail(ErrorCode::Timeout, "no answer in 30 s");
    QCoreApplication::processEvents();
    if (future.resultCount() == 0)
        return fail(ErrorCode::Cancelled, "cancelled");
    return future.result();
}

QString workerProgram() {
    return qEnvironmentVariable("VIVARIUM_BIN_DIR") + QStringLiteral("/vivarium-vmm");
}

} // namespace

template <>
Result<void> waitFor(QFuture<Result<void>> future) {
    return wait(future);
}

template <>
Result<MachineId> waitFor(QFuture<Result<MachineId>> future) {
    return wait(future);
}

template <>
Result<SnapshotId> waitFor(QFuture<Result<SnapshotId>> future) {
    return wait(future);
}

GuiFixture::GuiFixture() {
    qputenv("VIVARIUM_HOME", m_home.path().toLocal8Bit());
    const ApplicationPaths paths = ApplicationPaths::fromEnvironment();
    m_preferences = std::make_unique<CurrentPreferences>(paths);
    Result<std::unique_ptr<Library>> library = Library::open(paths.library, paths.machines);
    if (!library)
        qFatal("%s", library.error().detail.c_str());
    m_library = std::move(*library);
    m_supervisor = std::make_unique<Supervisor>(*m_library, workerProgram());
    SnapshotService::Options options;
    options.imageProgram =
        qEnvironmentVariable("VIVARIUM_BIN_DIR") + QStringLiteral("/vivarium-image");
    m_snapshots = std::make_unique<SnapshotService>(*m_library, *m_supervisor, options);
    m_displays = std::make_unique<GuestDisplays>(*m_supervisor);
}

GuiFixture::~GuiFixture() {
    const QList<Machine> machines = m_library->machines();
    for (const Machine& machine : machines)
        if (m_supervisor->connection(machine.id))
            (void)waitFor(m_supervisor->powerOff(machine.id));
    m_displays.reset();
    m_snapshots.reset();
    m_supervisor.reset();
    m_library.reset();
    qunsetenv("VIVARIUM_HOME");
}

MachineId GuiFixture::addMachine(const QString& name, const QString& group,
                                 const MachineSettings& settings) {
    Machine machine;
    machine.settings = settings;
    machine.settings.name = name;
    machine.group = group;
    const Result<MachineId> added = waitFor(m_library->add(machine));
    return added ? *added : MachineId();
}

} // namespace vivarium::test
