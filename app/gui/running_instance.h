#pragma once

#include "app/gui/command_line.h"
#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"

#include <QObject>
#include <QString>

#include <memory>

class QSocketNotifier;

namespace vivarium {

// One application shows a library: whoever starts another has the first one come to the front and
// do what was asked for. A socket in the runtime folder, of the user alone; a line of JSON a
// request.
class RunningInstance : public QObject {
    Q_OBJECT
public:
    RunningInstance(QString runtimeFolder, const QString& libraryFolder);
    ~RunningInstance() override;

    // True when an application that runs has taken the commands. Waits two seconds at most.
    bool handOver(const CommandLine& commands) const;
    // From now on others hand theirs over to this one. The error is the socket's.
    Result<void> listen();

Q_SIGNALS:
    void commandsArrived(const CommandLine& commands);

private:
    void accept();

    QString m_folder;
    QString m_path;
    UniqueFd m_socket;
    std::unique_ptr<QSocketNotifier> m_notifier;
};

} // namespace vivarium
