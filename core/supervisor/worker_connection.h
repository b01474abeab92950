#pragma once

#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"
#include "vmm/control/messages.h"

#include <QFuture>
#include <QObject>

#include <memory>
#include <vector>

namespace vivarium {

// A reply and the descriptors that came with it.
template <class Reply>
struct WorkerReply {
    Reply value;
    std::shared_ptr<std::vector<UniqueFd>> descriptors;
};

// A client of one worker's control socket. Asynchronous, on the thread that owns it. When the
// worker goes away, pending requests fail with Disconnected and `disconnected` is emitted once.
class WorkerConnection : public QObject {
    Q_OBJECT
public:
    // `socket`: a connected Unix stream socket.
    explicit WorkerConnection(UniqueFd socket, QObject* parent = nullptr);
    ~WorkerConnection() override;

    template <class Request>
    using Future = QFuture<Result<WorkerReply<typename Request::Reply>>>;

    // Sends a request; instantiated in the .cpp for every request of vmm/control/messages.h.
    template <class Request>
    Future<Request> send(const Request& request, std::vector<UniqueFd> descriptors = {});

    bool connected() const;

Q_SIGNALS:
    void hello(const vivarium::control::Hello& event);
    void stateChanged(const vivarium::control::StateChanged& event);
    // `memory`: the memfd; shared because several slots may map it.
    void scanoutChanged(const vivarium::ScanoutInfo& info,
                        std::shared_ptr<vivarium::UniqueFd> memory);
    void damaged(const vivarium::control::Damage& event);
    void guestReset(const vivarium::control::GuestReset& event);
    void ledsChanged(const vivarium::control::LedsChanged& event);
    void pointerModeChanged(const vivarium::control::PointerModeChanged& event);
    void mediumEjected(const vivarium::control::MediumEjected& event);
    void activity(const vivarium::control::Activity& event);
    void jobProgress(const vivarium::control::JobProgress& event);
    void exiting(const vivarium::control::Exiting& event);
    void disconnected();

private:
    class Private;
    std::unique_ptr<Private> d;
};

} // namespace vivarium
