#include "app/cli/command_context.h"
#include "app/cli/command_errors.h"
#include "app/cli/commands/commands.h"
#include "app/cli/commands/sub_command.h"
#include "app/cli/disk_jobs.h"
#include "app/cli/disk_reports.h"
#include "core/model/snapshot_record.h"

#include <CLI/CLI.hpp>

#include <QFile>
#include <QFileInfo>

namespace vivarium::cli {

using namespace Qt::StringLiterals;
using control::DiskFormat;
using control::ImageKind;

namespace {

const std::vector<std::string> kDiskFormats{"raw", "qcow2"};
const std::vector<std::string> kSourceFormats{"raw", "qcow2", "vmdk", "vdi", "vhd", "vhdx"};

struct DiskOptions {
    std::string path;
    std::string other; // the second file, or a size
    std::string format;
    std::string sourceFormat;
    std::string clusterSize;
    std::string preallocation = "off";
    std::string backing;
    std::string backingFormat;
    std::string repair;
    bool noBacking = false;
    bool nameOnly = false;
    bool compress = false;
    bool shrink = false;
    bool ignoreSize = false;
    bool chain = false;
    bool json = false;
};

Error wrongSize(const char* option, const std::string& text) {
    return fail(ErrorCode::InvalidArgument,
                std::string(option) + " \"" + text + "\" is not a size such as 20G.");
}

// What success is in JSON: the image as it is now.
int printDone(DiskJobs& jobs, const QString& path, ImageKind kind, bool json) {
    if (!json)
        return kDone;
    const auto info =
        TRY_OR_EXIT(jobs.run<control::ImageInfo>([=](const ImageTool& tool, Progress& progress) {
            return tool.info(path, kind, progress);
        }));
    printJson(imageInfoJson(path, info));
    return kDone;
}
ImageKind kindOf(DiskFormat format) {
    return format == DiskFormat::Qcow2 ? ImageKind::Qcow2 : ImageKind::Raw;
}

Result<control::ImageShape> shapeOf(const DiskOptions& options) {
    control::ImageShape shape;
    shape.format = options.format == "raw" ? DiskFormat::Raw : DiskFormat::Qcow2;
    if (options.preallocation == "metadata")
        shape.preallocation = control::ImagePreallocation::Metadata;
    else if (options.preallocation == "falloc")
        shape.preallocation = control::ImagePreallocation::Falloc;
    else if (options.preallocation == "full")
        shape.preallocation = control::ImagePreallocation::Full;
    if (!options.clusterSize.empty()) {
        const auto bytes = parseBytes(options.clusterSize);
        if (!bytes || *bytes > UINT32_MAX)
            return wrongSize("--cluster-size", options.clusterSize);
        shape.clusterBytes = static_cast<uint32_t>(*bytes);
    }
    return shape;
}

int create(CommandContext& context, const DiskOptions& options) {
    auto jobs = TRY_OR_EXIT(DiskJobs::create(context));
    control::ImageShape shape = TRY_OR_EXIT(shapeOf(options));
    if (!options.backing.empty()) {
        if (shape.format == DiskFormat::Raw)
            return printError(
                fail(ErrorCode::InvalidArgument, "A raw image cannot have a backing file."));
        const DiskFile backing =
            TRY_OR_EXIT(jobs->diskFile(options.backing, options.backingFormat));
        shape.backingName = QFile::encodeName(backing.path).toStdString();
        shape.backingFormat = control::diskFormatName(backing.format);
    }
    if (!options.other.empty()) {
        const auto size = parseBytes(options.other);
        if (!size || *size == 0)
            return printError(wrongSize("SIZE", options.other));
        shape.diskBytes = *size;
    } else if (options.backing.empty()) {
        return printError(
            fail(ErrorCode::InvalidArgument, "State the size of the disk, such as 20G."));
    }
    const QString path = absolutePathOf(options.path);
    TRY_OR_EXIT(jobs->run<void>([=](const ImageTool& tool, Progress& progress) {
        return tool.create(path, shape, progress);
    }));
    return printDone(*jobs, path, kindOf(shape.format), options.json);
}

int info(CommandContext& context, const DiskOptions& options) {
    auto jobs = TRY_OR_EXIT(DiskJobs::create(context));
    const QString path = absolutePathOf(options.path);
    const ImageKind kind = TRY_OR_EXIT(jobs->kindOf(path, options.format));
    if (!options.chain || control::isForeign(kind)) {
        const auto found = TRY_OR_EXIT(
            jobs->run<control::ImageInfo>([=](const ImageTool& tool, Progress& progress) {
                return tool.info(path, kind, progress);
            }));
        if (options.json)
            printJson(imageInfoJson(path, found));
        else
            printText(imageInfoText(path, found));
        return kDone;
    }
    const DiskFile top{path, kind == ImageKind::Qcow2 ? DiskFormat::Qcow2 : DiskFormat::Raw};
    const auto layers = TRY_OR_EXIT(jobs->run<QList<ImageTool::Layer>>(
        [=](const ImageTool& tool, Progress& progress) { return tool.chain(top, progress); }));
    QJsonArray array;
    QStringList texts;
    for (auto layer = layers.crbegin(); layer != layers.crend(); ++layer) { // the top first
        array.append(imageInfoJson(layer->file.path, layer->info));
        texts << imageInfoText(layer->file.path, layer->info);
    }
    if (options.json)
        printJson(array);
    else
        printText(texts.join(u"\n\n"_s));
    return kDone;
}

int check(CommandContext& context, const DiskOptions& options) {
    auto jobs = TRY_OR_EXIT(DiskJobs::create(context));
    const DiskFile file = TRY_OR_EXIT(jobs->diskFile(options.path, options.format));
    if (file.format == DiskFormat::Raw)
        return printError(
            fail(ErrorCode::Unsupported, "A raw image has no structure that could be checked."));
    const auto repair = options.repair == "all"     ? control::ImageRepair::All
                        : options.repair == "leaks" ? control::ImageRepair::Leaks
                                                    : control::ImageRepair::None;
    const auto report =
        TRY_OR_EXIT(jobs->run<control::ImageCheck>([=](const ImageTool& tool, Progress& progress) {
            return tool.check(file.path, repair, progress);
        }));
    if (options.json)
        printJson(checkJson(report));
    else
        printText(checkText(report));
    return report.clean() ? kDone : kFailed;
}

int convert(CommandContext& context, const DiskOptions& options) {
    auto jobs = TRY_OR_EXIT(DiskJobs::create(context));
    ImageTool::ConvertOptions wanted;
    wanted.shape = TRY_OR_EXIT(shapeOf(options));
    wanted.pack = options.compress;
    if (options.compress && wanted.shape.format == DiskFormat::Raw)
        return printError(fail(ErrorCode::InvalidArgument, "A raw image cannot be compressed."));
    const QString source = absolutePathOf(options.path);
    const QString target = absolutePathOf(options.other);
    const ImageKind kind = TRY_OR_EXIT(jobs->kindOf(source, options.sourceFormat));
    if (control::isForeign(kind) && options.compress)
        return printError(fail(ErrorCode::Unsupported,
                               "An image of another program is not compressed while it is read; "
                               "convert the result once more."));
    TRY_OR_EXIT(jobs->run<void>([=](const ImageTool& tool, Progress& progress) {
        if (control::isForeign(kind))
            return tool.convertForeign(source, kind, target, wanted.shape, progress);
        const DiskFile file{source, kind == ImageKind::Qcow2 ? DiskFormat::Qcow2 : DiskFormat::Raw};
        return tool.convert(file, target, wanted, progress);
    }));
    return printDone(*jobs, target, kindOf(wanted.shape.format), options.json);
}

// The drive of a machine that runs now, if the file is one's.
struct LiveDrive {
    MachineId machine;
    DriveSettings drive;
    uint64_t sizeBytes = 0;
};
Result<std::optional<LiveDrive>> findLiveDrive(CommandContext& context, const QString& path) {
    Library* library = TRY(context.library());
    Supervisor* supervisor = TRY(context.supervisor());
    for (const Machine& machine : library->machines())
        for (const DriveSettings& drive : machine.settings.drives) {
            WorkerConnection* worker = supervisor->connection(machine.id);
            if (!worker || drive.path != path || drive.type != DriveType::HardDisk)
                continue;
            LiveDrive live{machine.id, drive, 0};
            const auto reply = TRY(context.request(*worker, control::Status{}));
            for (const control::DriveStatus& status : reply.value.drives)
                if (QString::fromStdString(status.id) == driveName(drive))
                    live.sizeBytes = status.sizeBytes;
            return std::optional(live);
        }
    return std::optional<LiveDrive>();
}

int resizeLive(CommandContext& context, const LiveDrive& live, const DiskOptions& options,
               uint64_t bytes, bool grows) {
    if (grows && __builtin_add_overflow(bytes, live.sizeBytes, &bytes))
        return printError(wrongSize("SIZE", options.other));
    if (bytes < live.sizeBytes)
        return printError(fail(ErrorCode::WrongState,
                               "The disk is in use by a machine that runs; it can become smaller "
                               "when that is off."));
    Supervisor* supervisor = TRY_OR_EXIT(context.supervisor());
    TRY_OR_EXIT(context.await(supervisor->resizeDrive(live.machine, live.drive.bus, live.drive.port,
                                                      (bytes + 511) / 512 * 512)));
    if (options.json)
        printJson(QJsonObject{{u"path"_s, live.drive.path},
                              {u"diskBytes"_s, static_cast<qint64>((bytes + 511) / 512 * 512)}});
    return kDone;
}

int resize(CommandContext& context, const DiskOptions& options) {
    auto jobs = TRY_OR_EXIT(DiskJobs::create(context));
    const bool grows = options.other.starts_with('+');
    const auto size = parseBytes(grows ? options.other.substr(1) : options.other);
    if (!size || *size == 0)
        return printError(wrongSize("SIZE", options.other));
    const DiskFile file = TRY_OR_EXIT(jobs->diskFile(options.path, options.format));
    TRY_OR_EXIT(jobs->usage().mayChange(file.path));
    if (!jobs->usage().machinesWith(file.path).isEmpty())
        if (const auto live = TRY_OR_EXIT(findLiveDrive(context, file.path)))
            return resizeLive(context, *live, options, *size, grows);
    uint64_t bytes = *size;
    if (grows) {
        const auto found = TRY_OR_EXIT(
            jobs->run<control::ImageInfo>([=](const ImageTool& tool, Progress& progress) {
                return tool.info(file.path, kindOf(file.format), progress);
            }));
        if (__builtin_add_overflow(bytes, found.diskBytes, &bytes))
            return printError(wrongSize("SIZE", options.other));
    }
    const auto shrink = options.shrink ? control::ImageShrink::Allow : control::ImageShrink::Refuse;
    TRY_OR_EXIT(jobs->run<void>([=](const ImageTool& tool, Progress& progress) {
        return tool.resize(file, bytes, shrink, progress);
    }));
    return printDone(*jobs, file.path, kindOf(file.format), options.json);
}

int compact(CommandContext& context, const DiskOptions& options) {
    auto jobs = TRY_OR_EXIT(DiskJobs::create(context));
    const DiskFile file = TRY_OR_EXIT(jobs->diskFile(options.path, options.format));
    const auto result = TRY_OR_EXIT(jobs->run<control::CompactResult>(
        [=](const ImageTool& tool, Progress& progress) { return tool.compact(file, progress); }));
    if (options.json)
        printJson(QJsonObject{{u"path"_s, file.path},
                              {u"bytesBefore"_s, static_cast<qint64>(result.bytesBefore)},
                              {u"bytesAfter"_s, static_cast<qint64>(result.bytesAfter)}});
    else
        printText(u"%1 before, %2 now."_s.arg(bytesText(result.bytesBefore),
                                              bytesText(result.bytesAfter)));
    return kDone;
}

int rebase(CommandContext& context, const DiskOptions& options) {
    auto jobs = TRY_OR_EXIT(DiskJobs::create(context));
    if (options.backing.empty() != options.noBacking)
        return printError(
            fail(ErrorCode::InvalidArgument, "One of --backing and --no-backing is needed."));
    const DiskFile file = TRY_OR_EXIT(jobs->diskFile(options.path, "qcow2"));
    TRY_OR_EXIT(jobs->usage().mayRelink(file.path));
    ImageTool::RebaseOptions wanted;
    wanted.nameOnly = options.nameOnly;
    if (!options.noBacking) {
        const DiskFile backing =
            TRY_OR_EXIT(jobs->diskFile(options.backing, options.backingFormat));
        wanted.below << backing;
        if (!options.nameOnly) {
            wanted.below.clear();
            const auto layers = TRY_OR_EXIT(
                jobs->run<QList<ImageTool::Layer>>([=](const ImageTool& tool, Progress& progress) {
                    return tool.chain(backing, progress);
                }));
            for (const ImageTool::Layer& layer : layers) {
                if (QFileInfo(layer.file.path) == QFileInfo(file.path))
                    return printError(fail(ErrorCode::InvalidArgument,
                                           "An image cannot be its own backing file."));
                wanted.below << layer.file;
            }
        }
    }
    TRY_OR_EXIT(jobs->run<void>([=](const ImageTool& tool, Progress& progress) {
        return tool.rebase(file, wanted, progress);
    }));
    return printDone(*jobs, file.path, ImageKind::Qcow2, options.json);
}

int commit(CommandContext& context, const DiskOptions& options) {
    auto jobs = TRY_OR_EXIT(DiskJobs::create(context));
    const DiskFile file = TRY_OR_EXIT(jobs->diskFile(options.path, "qcow2"));
    TRY_OR_EXIT(jobs->usage().mayRelink(file.path));
    const auto layers = TRY_OR_EXIT(jobs->run<QList<ImageTool::Layer>>(
        [=](const ImageTool& tool, Progress& progress) { return tool.chain(file, progress); }));
    if (layers.size() < 2)
        return printError(fail(
            ErrorCode::InvalidArgument,
            u"The disk image %1 has no backing file to commit to."_s.arg(file.path).toStdString()));
    const DiskFile below = layers.at(layers.size() - 2).file;
    TRY_OR_EXIT(jobs->usage().mayCommitInto(below.path, file.path));
    QList<DiskFile> files;
    for (const ImageTool::Layer& layer : layers)
        files << layer.file;
    TRY_OR_EXIT(jobs->run<void>(
        [=](const ImageTool& tool, Progress& progress) { return tool.commit(files, progress); }));
    return printDone(*jobs, below.path, kindOf(below.format), options.json);
}

int map(CommandContext& context, const DiskOptions& options) {
    auto jobs = TRY_OR_EXIT(DiskJobs::create(context));
    const DiskFile file = TRY_OR_EXIT(jobs->diskFile(options.path, options.format));
    const auto layers = TRY_OR_EXIT(jobs->run<QList<ImageTool::Layer>>(
        [=](const ImageTool& tool, Progress& progress) { return tool.chain(file, progress); }));
    QList<DiskFile> files;
    for (const ImageTool::Layer& layer : layers)
        files << layer.file;
    const auto extents = TRY_OR_EXIT(jobs->run<std::vector<control::ImageExtent>>(
        [=](const ImageTool& tool, Progress& progress) { return tool.map(files, progress); }));
    if (options.json)
        printJson(mapJson(extents, layers));
    else
        printText(mapText(extents, layers));
    return kDone;
}

int compare(CommandContext& context, const DiskOptions& options) {
    auto jobs = TRY_OR_EXIT(DiskJobs::create(context));
    const DiskFile a = TRY_OR_EXIT(jobs->diskFile(options.path, {}));
    const DiskFile b = TRY_OR_EXIT(jobs->diskFile(options.other, {}));
    const auto sizes =
        options.ignoreSize ? control::ImageSizes::Ignore : control::ImageSizes::Compare;
    const auto result = TRY_OR_EXIT(
        jobs->run<control::ImageComparison>([=](const ImageTool& tool, Progress& progress) {
            return tool.compare(a, b, sizes, progress);
        }));
    if (options.json) {
        QJsonObject object{{u"equal"_s, result.equal}};
        if (!result.equal)
            object[u"firstDifference"_s] = static_cast<qint64>(result.firstDifference);
        printJson(object);
    } else if (result.equal) {
        printText(u"The disks are equal."_s);
    } else {
        printText(u"The disks differ from byte %1 on."_s.arg(result.firstDifference));
    }
    return result.equal ? kDone : kFailed;
}

// --- Options ---------------------------------------------------------------------------------

// One verb: its options live as long as the command line.
struct Verb : SubCommand<DiskOptions> {
    Verb(CommandTable& table, CLI::App& parent, const char* name, const char* description,
         Function function)
        : SubCommand(table, parent, name, description, function) {
        command.add_flag("--json", options->json, "Print JSON");
    }
    Verb& file(const char* description) {
        command.add_option("FILE", options->path, description)->required();
        return *this;
    }
    Verb& format(const char* description, const std::vector<std::string>& formats) {
        command.add_option("--format", options->format, description)->check(CLI::IsMember(formats));
        return *this;
    }
    Verb& shape() {
        command.add_option("--cluster-size", options->clusterSize, "Of qcow2: 512B to 2M (64K)");
        command
            .add_option("--preallocation", options->preallocation, "off, metadata, falloc or full")
            ->check(CLI::IsMember({"off", "metadata", "falloc", "full"}));
        return *this;
    }
    Verb& backing() {
        command.add_option("--backing", options->backing, "Backing file");
        command.add_option("--backing-format", options->backingFormat, "Its format: raw or qcow2")
            ->check(CLI::IsMember(kDiskFormats));
        return *this;
    }
};

} // namespace

void addDiskCommand(CommandTable& table) {
    CLI::App& disk = table.add("disk", "Make, look into and change disk images");
    disk.require_subcommand(1);
    const auto verb = [&](const char* name, const char* description, Verb::Function function) {
        return Verb(table, disk, name, description, function);
    };
    Verb made = verb("create", "Make a disk image", create);
    made.file("New image").format("raw or qcow2 (qcow2)", kDiskFormats).shape().backing();
    made.command.add_option("SIZE", made.options->other, "Size: 20G; the backing file's otherwise");
    Verb shown = verb("info", "Show what an image is", info);
    shown.file("Image").format("Its format, if not what it looks like", kSourceFormats);
    shown.command.add_flag("--chain", shown.options->chain, "Its backing files, too");
    Verb checked = verb("check", "Check a qcow2 image, and repair it", check);
    checked.file("Image").format("Its format, if not what it looks like", kDiskFormats);
    checked.command.add_option("--repair", checked.options->repair, "leaks or all")
        ->check(CLI::IsMember({"leaks", "all"}));
    Verb converted = verb("convert", "Copy a disk to a new image", convert);
    converted.command.add_option("SRC", converted.options->path, "Image")->required();
    converted.command.add_option("DST", converted.options->other, "New image")->required();
    converted.format("Of the new image: raw or qcow2 (qcow2)", kDiskFormats).shape();
    converted.command
        .add_option("--source-format", converted.options->sourceFormat,
                    "Format of SRC, if not what it looks like")
        ->check(CLI::IsMember(kSourceFormats));
    converted.command.add_flag("--compress", converted.options->compress, "Compress the clusters");
    Verb resized = verb("resize", "Change the size of a disk", resize);
    resized.file("Image").format("Its format, if not what it looks like", kDiskFormats);
    resized.command.add_option("SIZE", resized.options->other, "New size: 40G, or +20G")
        ->required();
    resized.command.add_flag("--shrink", resized.options->shrink, "Lose what lies behind the end");
    Verb compacted = verb("compact", "Give unused space back to the host", compact);
    compacted.file("Image").format("Its format, if not what it looks like", kDiskFormats);
    Verb rebased = verb("rebase", "Give a qcow2 image another backing file", rebase);
    rebased.file("Image").backing();
    rebased.command.add_flag("--no-backing", rebased.options->noBacking, "None: it holds all data");
    rebased.command.add_flag("--name-only", rebased.options->nameOnly,
                             "The same file, moved: do not look at the data");
    verb("commit", "Copy an image into its backing file", commit).file("Image");
    Verb mapped = verb("map", "Show where the parts of a disk are stored", map);
    mapped.file("Image").format("Its format, if not what it looks like", kDiskFormats);
    Verb compared = verb("compare", "Compare two disks", compare);
    compared.command.add_option("FILE", compared.options->path, "Image")->required();
    compared.command.add_option("OTHER", compared.options->other, "Other image")->required();
    compared.command.add_flag("--ignore-size", compared.options->ignoreSize,
                              "A longer one may end in zeroes");
}

} // namespace vivarium::cli
