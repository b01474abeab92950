#pragma once

#include "core/jobs/image_tool.h"
#include "core/model/disk_layer.h"
#include "vmm/base/result.h"

#include <QList>
#include <QString>

namespace vivarium {

// Looks into image files. Blocks; any thread.
class ImageInspector {
public:
    virtual ~ImageInspector() = default;
    // The file alone, without its parent. Errors: NotFound, PermissionDenied, Corrupt, Unsupported.
    virtual Result<DiskLayer> file(const QString& path, DiskFormat format) const = 0;
    // The file and all its backing files, base first, by what is recorded in them. Errors besides:
    // Unsupported (a backing file whose format is not stated, or that is no local file),
    // LimitExceeded.
    virtual Result<QList<DiskLayer>> chain(const QString& path, DiskFormat format) const = 0;
};

// By vivarium-image.
class ToolInspector final : public ImageInspector {
public:
    explicit ToolInspector(ImageTool tool = ImageTool()) : m_tool(std::move(tool)) {}
    Result<DiskLayer> file(const QString& path, DiskFormat format) const override;
    Result<QList<DiskLayer>> chain(const QString& path, DiskFormat format) const override;

private:
    ImageTool m_tool;
};

} // namespace vivarium
