#pragma once

#include "core/jobs/image_tool.h"
#include "core/model/machine.h"
#include "vmm/base/result.h"

#include <QList>
#include <QString>

#include <optional>

namespace vivarium {

// The format that a machine of the library states for the disk at `path`. A guest can write
// anything into its raw disk, so this comes before detectFormat().
std::optional<DiskFormat> formatInUse(const QList<Machine>& machines, const QString& path);

// What the contents of a file look like, for a user who attaches it; everything that is no image of
// a known kind is Raw. Blocks. Errors: ImageTool::info's; Unsupported for formats that only an
// import reads (VMDK, VDI, VHD, VHDX).
Result<DiskFormat> detectFormat(const QString& path, const ImageTool& tool = ImageTool());

} // namespace vivarium
