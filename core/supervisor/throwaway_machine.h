#pragma once

#include "core/model/machine_settings.h"
#include "core/supervisor/machine_preparation.h"
#include "core/supervisor/worker_connection.h"
#include "core/supervisor/worker_launch.h"
#include "core/supervisor/worker_process.h"

#include <QFuture>
#include <QObject>
#include <QPromise>
#include <QString>

#include <memory>
#include <optional>

namespace vivarium {

// A machine without library entry, folder or socket: it ends with this object, and with this
// process however that ends. Main thread.
class ThrowawayMachine : public QObject {
    Q_OBJECT
public:
    // `workerProgram`: as Supervisor's.
    ThrowawayMachine(MachineSettings settings, FirstSerialPort serial,
                     const QString& workerProgram = {}, QObject* parent = nullptr);
    // Kills the worker if it still runs.
    ~ThrowawayMachine() override;

    // Finishes when the guest runs; once. Errors as Supervisor::start.
    QFuture<Result<void>> start();
    // From the start's success to `ended`, else null.
    WorkerConnection* connection() const { return m_connection.get(); }
    // With FirstSerialPort::Stream, after the start's success: the other end of the first serial
    // port, a stream socket. Once; invalid when there is no serial port.
    UniqueFd takeSerialStream() { return std::move(m_serialStream); }
    // Where a VNC viewer can connect; empty: nowhere.
    const QString& vncAddress() const { return m_vncAddress; }

    struct End {
        bool crashed = false; // it did not say good-bye
        control::StopReason reason = control::StopReason::None;
        std::optional<uint8_t> guestExitValue; // what the guest wrote to the exit device
        QString detail;                        // English; last words after a crash
    };

Q_SIGNALS:
    void ended(const vivarium::ThrowawayMachine::End& end); // once, after a successful start

private:
    void launch(Result<PreparedMachine> prepared);
    void launchFinished(const Result<void>& result);
    void finishStart(Result<void> result);
    void connectionLost();
    void concludeEnd();

    MachineSettings m_settings;
    FirstSerialPort m_serial;
    QString m_program;
    QString m_vncAddress;
    UniqueFd m_serialStream, m_log;
    QPromise<Result<void>> m_start;
    std::unique_ptr<WorkerLaunch> m_launch;
    std::unique_ptr<WorkerConnection> m_connection;
    std::unique_ptr<WorkerProcess> m_process;
    std::optional<control::Exiting> m_exiting;
};

} // namespace vivarium
