#include "vmm/machine/overlay_switch.h"

#include "vmm/base/log.h"
#include "vmm/base/thread_annotations.h"

#include <cerrno>
#include <condition_variable>
#include <optional>
#include <utility>

#include <unistd.h>

namespace vivarium {

// Counts answers of the disks' threads, keeps the first error, then tells somebody or lets a waiter
// go on.
struct OverlaySwitch::Waiting {
    explicit Waiting(size_t expected) : left(expected) {}

    DiskChain::Done answer(const std::shared_ptr<Waiting>& self) {
        return [self](Result<void> result) { self->answered(std::move(result)); };
    }
    void answered(Result<void> result) {
        MutexLocker lock(mutex);
        if (!result && !error)
            error = result.error();
        --left;
        tellIfOver();
        changed.notify_all();
    }
    void tell(EventLoop& toLoop, Done toDone) {
        MutexLocker lock(mutex);
        loop = &toLoop;
        done = std::move(toDone);
        tellIfOver();
    }
    Result<void> wait() {
        MutexLocker lock(mutex);
        changed.wait(mutex, [this]() REQUIRES(mutex) { return left == 0; });
        return result();
    }

    Mutex mutex;
    std::condition_variable_any changed;
    size_t left GUARDED_BY(mutex);
    std::optional<Error> error GUARDED_BY(mutex);
    EventLoop* loop GUARDED_BY(mutex) = nullptr;
    Done done GUARDED_BY(mutex);

private:
    Result<void> result() const REQUIRES(mutex) {
        return error ? Result<void>(*error) : Result<void>();
    }
    void tellIfOver() REQUIRES(mutex) {
        if (left == 0 && done)
            loop->post([tell = std::exchange(done, {}), told = result()] { tell(told); });
    }
};

void OverlaySwitch::prepare(std::vector<Overlay> overlays, Done ready) {
    m_disks.clear();
    m_files.clear();
    auto waiting = std::make_shared<Waiting>(overlays.size());
    for (Overlay& overlay : overlays) {
        DiskChain* disk = overlay.disk;
        Result<UniqueFd> own = overlay.file.duplicate();
        Result<UniqueFd> second = overlay.file.duplicate();
        if (!own || !second) {
            waiting->answered(own ? second.error() : own.error());
            continue;
        }
        m_files.push_back(std::move(*own));
        if (overlay.use == Overlay::Use::FormatOnly) {
            disk->formatOverlay(std::move(overlay.file), overlay.backingName, overlay.backingFormat,
                                waiting->answer(waiting));
            continue;
        }
        m_disks.push_back(disk);
        auto toOpen = std::make_shared<UniqueFd>(std::move(*second)); // std::function copies
        disk->formatOverlay(std::move(overlay.file), overlay.backingName, overlay.backingFormat,
                            [disk, toOpen, waiting](Result<void> formatted) {
                                if (!formatted)
                                    return waiting->answered(std::move(formatted));
                                disk->prepareOverlay(std::move(*toOpen), waiting->answer(waiting));
                            });
    }
    waiting->tell(m_loop, std::move(ready));
}

void OverlaySwitch::discard() {
    for (const UniqueFd& file : m_files)
        if (::ftruncate(file.get(), 0) != 0)
            logError("overlay", systemError(errno, "empty an unused layer").detail);
    m_files.clear();
}

Result<void> OverlaySwitch::insert() {
    m_files.clear();
    auto switched = std::make_shared<Waiting>(m_disks.size());
    m_durable = std::make_shared<Waiting>(m_disks.size());
    for (DiskChain* disk : m_disks)
        disk->insertOverlay(switched->answer(switched), m_durable->answer(m_durable));
    return switched->wait();
}

void OverlaySwitch::whenDurable(Done durable) {
    m_durable->tell(m_loop, std::move(durable));
}

} // namespace vivarium
