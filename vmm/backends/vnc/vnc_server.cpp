#include "vmm/backends/vnc/vnc_server.h"

#include "vmm/backends/vnc/vnc_session.h"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>

namespace vivarium {

namespace {
constexpr size_t kMaxNotedRectangles = 32; // then they are united: the thread is behind
}

Result<std::unique_ptr<VncServer>> VncServer::create(UniqueFd listening, Services services,
                                                     VncOptions options) {
    UniqueFd wakeUp(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wakeUp)
        return systemError(errno, "create the VNC server");
    if (::fcntl(listening.get(), F_SETFL, O_NONBLOCK) != 0)
        return systemError(errno, "use the VNC server's socket");
    std::unique_ptr<VncServer> server(new VncServer(std::move(wakeUp), services));
    try {
        server->m_thread = std::jthread([raw = server.get(), socket = std::move(listening),
                                         options = std::move(options)]() mutable {
            ::pthread_setname_np(::pthread_self(), "vnc");
            if (options.threadStarted)
                options.threadStarted();
            Session(*raw, std::move(socket), options).run();
        });
    } catch (const std::system_error& error) {
        return systemError(error.code().value(), "start the VNC server's thread");
    }
    return server;
}

VncServer::~VncServer() {
    {
        MutexLocker lock(m_mutex);
        m_notes.stop = true;
    }
    wake();
    if (m_thread.joinable())
        m_thread.join();
    MutexLocker lock(m_services.deviceLock);
    *m_self = nullptr;
    if (m_watching)
        m_services.display.removeViewer(*this);
}

void VncServer::wake() {
    uint64_t one = 1;
    [[maybe_unused]] ssize_t written = ::write(m_wakeUp.get(), &one, sizeof one);
}

void VncServer::watchDisplay(bool wanted) {
    m_services.tasks.post([self = m_self, wanted] {
        VncServer* server = *self;
        if (!server || server->m_watching == wanted)
            return;
        server->m_watching = wanted;
        if (wanted)
            server->m_services.display.addViewer(*server);
        else
            server->m_services.display.removeViewer(*server);
    });
}

void VncServer::scanoutChanged(const Scanout& scanout) {
    UniqueFd memory(::fcntl(scanout.fd, F_DUPFD_CLOEXEC, 3));
    {
        MutexLocker lock(m_mutex);
        m_notes.scanout = memory ? scanout.info : ScanoutInfo{};
        m_notes.memory = std::move(memory);
        m_notes.damage.clear(); // a new scanout is drawn as a whole
    }
    wake();
}

void VncServer::damaged(const std::vector<Rect>& rectangles) {
    {
        MutexLocker lock(m_mutex);
        std::vector<Rect>& damage = m_notes.damage;
        damage.insert(damage.end(), rectangles.begin(), rectangles.end());
        if (damage.size() > kMaxNotedRectangles) {
            Rect all;
            for (const Rect& rectangle : damage)
                all = all.united(rectangle);
            damage.assign(1, all);
        }
    }
    wake();
}

} // namespace vivarium
