#include "app/cli/format_lookup.h"

#include "core/disks/disk_format.h"
#include "core/jobs/background.h"

#include <QFileInfo>

namespace vivarium::cli {

HardwareOptions::FormatLookup formatLookup(CommandContext& context, Library* library) {
    return [&context, library](const QString& path) -> Result<DiskFormat> {
        if (!QFileInfo::exists(path))
            return DiskFormat::Raw;
        // A guest can write anything into its raw disk: what it is was settled when it was
        // attached.
        if (library) {
            if (const auto format = formatInUse(library->machines(), path))
                return *format;
            for (const DiskLayer& layer : TRY(context.await(library->layersOf({path}))))
                if (layer.path == path)
                    return layer.format;
        }
        return context.await(runInBackground<DiskFormat>(
            [path](Progress&) -> Result<DiskFormat> { return detectFormat(path); }));
    };
}

} // namespace vivarium::cli
