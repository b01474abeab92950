#include "core/supervisor/throwaway_machine.h"

#include "core/jobs/background.h"
#include "core/jobs/when_done.h"
#include "core/supervisor/worker_log.h"

namespace vivarium {

using namespace Qt::StringLiterals;

ThrowawayMachine::ThrowawayMachine(MachineSettings settings, FirstSerialPort serial,
                                   const QString& workerProgram, QObject* parent)
    : QObject(parent), m_settings(std::move(settings)), m_serial(serial),
      m_program(workerProgram.isEmpty() ? WorkerProcess::defaultProgram() : workerProgram) {
    if (m_settings.name.isEmpty())
        m_settings.name = u"throw-away"_s;
    m_start.start();
}

ThrowawayMachine::~ThrowawayMachine() {
    if (m_process)
        m_process->kill();
}

QFuture<Result<void>> ThrowawayMachine::start() {
    auto prepared = std::make_shared<Result<PreparedMachine>>(
        fail(ErrorCode::Cancelled, "The start was cancelled."));
    whenDone(this,
             runInBackground<void>(
                 [prepared, settings = m_settings, serial = m_serial](Progress&) -> Result<void> {
                     *prepared = prepareThrowawayMachine(settings, serial);
                     return {};
                 }),
             [this, prepared](const Result<void>&) { launch(std::move(*prepared)); });
    return m_start.future();
}

void ThrowawayMachine::launch(Result<PreparedMachine> prepared) {
    if (!prepared) {
        finishStart(prepared.error());
        return;
    }
    m_vncAddress = prepared->vncAddress;
    m_serialStream = std::move(prepared->serialStream);
    m_log = std::move(prepared->log);
    m_launch = std::make_unique<WorkerLaunch>();
    connect(m_launch.get(), &WorkerLaunch::finished, this, &ThrowawayMachine::launchFinished,
            Qt::QueuedConnection); // destroys the sender
    m_launch->begin(m_program, std::move(prepared->configuration), m_log);
}

void ThrowawayMachine::launchFinished(const Result<void>& result) {
    if (result) {
        m_process = m_launch->takeProcess();
        m_connection = m_launch->takeConnection();
        m_exiting = m_launch->announcedExit();
        connect(m_process.get(), &WorkerProcess::finished, this, &ThrowawayMachine::concludeEnd);
        connect(m_connection.get(), &WorkerConnection::exiting, this,
                [this](const control::Exiting& event) { m_exiting = event; });
        connect(m_connection.get(), &WorkerConnection::disconnected, this,
                &ThrowawayMachine::connectionLost);
    }
    finishStart(result);
    if (result && !m_connection->connected())
        connectionLost();
}

void ThrowawayMachine::finishStart(Result<void> result) {
    m_launch.reset();
    m_start.addResult(std::move(result));
    m_start.finish();
}

void ThrowawayMachine::connectionLost() {
    if (m_connection)
        m_connection.release()->deleteLater(); // it is the caller
    if (m_process->ended())
        concludeEnd();
}

void ThrowawayMachine::concludeEnd() {
    if (m_connection)
        return; // its last messages are still to be read; then connectionLost() comes here
    End end;
    end.crashed = !m_exiting;
    if (m_exiting) {
        end.reason = m_exiting->reason;
        end.detail = QString::fromStdString(m_exiting->detail);
        if (m_exiting->guestExitValue >= 0)
            end.guestExitValue = static_cast<uint8_t>(m_exiting->guestExitValue);
    } else {
        end.detail = u"The machine's worker %1."_s.arg(m_process->howItEnded());
        if (const QString words = worker_log::lastWords(m_log.get()); !words.isEmpty())
            end.detail += u" Its last words:\n"_s + words;
    }
    Q_EMIT
    ended(end);
}

} // namespace vivarium
