#include "core/disks/image_inspector.h"

#include "core/disks/no_progress.h"

namespace vivarium {

namespace {

control::DiskFormat toControl(DiskFormat format) {
    switch (format) {
    case DiskFormat::Raw:
        return control::DiskFormat::Raw;
    case DiskFormat::Qcow2:
        return control::DiskFormat::Qcow2;
    }
    return control::DiskFormat::Raw;
}

DiskFormat fromControl(control::DiskFormat format) {
    switch (format) {
    case control::DiskFormat::Raw:
        return DiskFormat::Raw;
    case control::DiskFormat::Qcow2:
        return DiskFormat::Qcow2;
    }
    return DiskFormat::Raw;
}

} // namespace

Result<DiskLayer> ToolInspector::file(const QString& path, DiskFormat format) const {
    NoProgress progress;
    const control::ImageInfo info = TRY(m_tool.info(
        path, format == DiskFormat::Raw ? control::ImageKind::Raw : control::ImageKind::Qcow2,
        progress));
    DiskLayer layer;
    layer.path = path;
    layer.format = format;
    layer.sizeBytes = info.diskBytes;
    return layer;
}

Result<QList<DiskLayer>> ToolInspector::chain(const QString& path, DiskFormat format) const {
    NoProgress progress;
    QList<DiskLayer> layers;
    for (const ImageTool::Layer& found :
         TRY(m_tool.chain(DiskFile{path, toControl(format)}, progress))) {
        DiskLayer layer;
        layer.path = found.file.path;
        layer.format = fromControl(found.file.format);
        layer.sizeBytes = found.info.diskBytes;
        if (!layers.isEmpty())
            layer.parent = layers.last().path;
        layers.append(layer);
    }
    return layers;
}

} // namespace vivarium
