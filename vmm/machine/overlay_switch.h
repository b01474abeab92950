#pragma once

#include "vmm/base/event_loop.h"
#include "vmm/base/unique_fd.h"
#include "vmm/disk/chain/disk_chain.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace vivarium {

// Puts new layers on top of some of a machine's disks, all at the same moment of the guest. The
// loop's thread; the disks outlive it.
class OverlaySwitch {
public:
    struct Overlay {
        DiskChain* disk = nullptr;
        UniqueFd file; // empty, open read-write; it gets formatted
        std::string backingName;
        ImageFormat backingFormat = ImageFormat::Raw;
        // On top of the disk, or only made, for another machine that goes on from the same layers.
        enum class Use { Insert, FormatOnly } use = Use::Insert;
    };
    using Done = std::function<void(Result<void>)>;

    explicit OverlaySwitch(EventLoop& loop) : m_loop(loop) {}

    // Formats and opens the new layers; `ready` is called later, on the loop.
    void prepare(std::vector<Overlay> overlays, Done ready);
    // After `ready`, instead of insert(): the files are empty again, which tells everybody that
    // they are no layers of any disk.
    void discard();
    // After `ready`, with the guest frozen: returns when no request goes to the old layers any
    // more. After an error some disks may have their new layer.
    Result<void> insert();
    // After insert(): `durable` is called on the loop once the old layers are on the medium.
    void whenDurable(Done durable);

private:
    struct Waiting;

    EventLoop& m_loop;
    std::vector<DiskChain*> m_disks; // that get a layer
    std::vector<UniqueFd> m_files;   // all that are formatted
    std::shared_ptr<Waiting> m_durable;
};

} // namespace vivarium
