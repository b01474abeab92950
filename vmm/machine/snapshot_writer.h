#pragma once

#include "vmm/base/event_loop.h"
#include "vmm/base/unique_fd.h"
#include "vmm/snapshot/ram_image.h"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace vivarium {

// Writes a machine's state and memory to files while the machine goes on: a copy of the process,
// which has the memory as it was, does the work. The loop's thread.
class SnapshotWriter {
public:
    struct Files {
        UniqueFd state, ram, index; // empty, open read-write
        std::optional<RamImage> parent;
    };
    using Progress = std::function<void(const RamImageProgress&)>;
    // All files are on the medium, or why not; Cancelled after cancel(). Never from inside start().
    using Done = std::function<void(Result<RamImageProgress>)>;

    // Copies the process now: `ram` must stand still until this returns. Errors: the system's.
    static Result<std::unique_ptr<SnapshotWriter>> start(EventLoop& loop, ConstByteSpan ram,
                                                         ConstByteSpan state, Files files,
                                                         Progress progress, Done done);
    // Ends the work; `done` is not called any more.
    ~SnapshotWriter();
    // The copy ends soon; `done` is called now.
    void cancel();

private:
    SnapshotWriter(EventLoop& loop, UniqueFd socket, Progress progress, Done done)
        : m_loop(loop), m_socket(std::move(socket)), m_progress(std::move(progress)),
          m_done(std::move(done)) {}
    void receive();
    void finish(Result<RamImageProgress> result);

    EventLoop& m_loop;
    UniqueFd m_socket; // to the copy; closing it ends the copy
    Progress m_progress;
    Done m_done;
};

} // namespace vivarium
