#pragma once

#include "core/disks/image_inspector.h"
#include "core/model/disk_layer.h"
#include "core/model/machine_settings.h"
#include "vmm/base/result.h"

#include <QHash>
#include <QList>
#include <QString>

namespace vivarium {

// Finds the files that a drive's disk consists of (README.md). Blocks: for a pool's thread, one at
// a time; the inspector outlives it. Changes nothing.
class ChainResolver {
public:
    // `known`: Library::layersOf() the drives' paths.
    ChainResolver(const QList<DiskLayer>& known, const ImageInspector& inspector);

    // The disk's files, base first; the top is drive.path. Layers below the top carry a stamp,
    // which the opened file must still have. Errors are sentences that name both files and what to
    // do: NotFound, PermissionDenied, InvalidArgument (a folder), Corrupt (a backing file was
    // replaced or has another size now; a loop), Busy (a writable drive that others stand on),
    // Unsupported, LimitExceeded (more than kMaxChainLength).
    Result<QList<DiskLayer>> resolve(const DriveSettings& drive);

    // What the library does not know yet of the resolved chains, for Library::learnLayers.
    const QList<DiskLayer>& learned() const { return m_learned; }

private:
    Result<void> checkNothingAbove(const DriveSettings& drive) const;
    Result<QList<DiskLayer>> knownChain(const DriveSettings& drive) const;
    Result<QList<DiskLayer>> inspectedChain(const DriveSettings& drive);
    Result<void> checkUnchanged(DiskLayer& layer, const DiskLayer& above);
    Result<DiskLayer> inspectChanged(const DiskLayer& layer, const DiskLayer& above) const;
    void learn(const DiskLayer& layer);

    QHash<QString, DiskLayer> m_known; // by path
    const ImageInspector& m_inspector;
    QList<DiskLayer> m_learned;
};

} // namespace vivarium
