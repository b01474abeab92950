#include "app/cli/disk_jobs.h"

#include "core/settings/application_paths.h"

#include <QDir>
#include <QFileInfo>

#include <array>
#include <charconv>
#include <cstdio>

#include <unistd.h>

namespace vivarium::cli {

using namespace Qt::StringLiterals;
using control::ImageKind;

ProgressLine::ProgressLine() : m_terminal(::isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() {
    if (m_terminal && m_shown >= 0)
        std::fputs("\r      \r", stderr);
}

void ProgressLine::show(int thousandths) {
    if (!m_terminal || thousandths / 10 == m_shown)
        return;
    m_shown = thousandths / 10;
    std::fprintf(stderr, "\r%3d %%", m_shown);
    std::fflush(stderr);
}

Result<std::unique_ptr<DiskJobs>> DiskJobs::create(CommandContext& context) {
    DiskUsage usage;
    if (QFileInfo::exists(ApplicationPaths::fromEnvironment().library)) {
        Library* library = TRY(context.library());
        const QList<DiskLayer> layers = TRY(context.await(library->layers()));
        usage = DiskUsage(library->machines(), layers);
    }
    return std::unique_ptr<DiskJobs>(
        new DiskJobs(context, std::move(usage))); // private constructor
}

Result<ImageKind> DiskJobs::kindOf(const QString& path, const std::string& stated) {
    for (const ImageKind kind : {ImageKind::Raw, ImageKind::Qcow2, ImageKind::Vmdk, ImageKind::Vdi,
                                 ImageKind::Vhd, ImageKind::Vhdx})
        if (stated == control::imageKindName(kind))
            return kind;
    if (const auto known = m_usage.statedFormat(path))
        return *known == control::DiskFormat::Qcow2 ? ImageKind::Qcow2 : ImageKind::Raw;
    return TRY(run<control::ImageInfo>([=](const ImageTool& tool, Progress& progress) {
               return tool.info(path, ImageKind::Detect, progress);
           }))
        .kind;
}

Result<DiskFile> DiskJobs::diskFile(const std::string& path, const std::string& stated) {
    const QString absolute = absolutePathOf(path);
    const ImageKind kind = TRY(kindOf(absolute, stated));
    if (control::isForeign(kind))
        return fail(
            ErrorCode::Unsupported,
            u"%1 is an image of another program (%2); make a copy of it with “viv disk convert”."_s
                .arg(absolute, QString::fromLatin1(control::imageKindName(kind).data()))
                .toStdString());
    return DiskFile{absolute, kind == ImageKind::Qcow2 ? control::DiskFormat::Qcow2
                                                       : control::DiskFormat::Raw};
}

std::optional<uint64_t> parseBytes(const std::string& text) {
    uint64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || rest == end)
        return std::nullopt;
    static constexpr std::array kUnits{'b', 'k', 'm', 'g', 't'};
    std::string unit(rest, end);
    for (char& c : unit)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    for (size_t i = 0; i < kUnits.size(); ++i) {
        const std::string letter(1, kUnits[i]);
        const bool matches =
            unit == letter || (i > 0 && (unit == letter + "b" || unit == letter + "ib"));
        if (!matches)
            continue;
        const unsigned shift = static_cast<unsigned>(i) * 10;
        if (number > (UINT64_MAX >> shift))
            return std::nullopt;
        return number << shift;
    }
    return std::nullopt;
}

QString bytesText(uint64_t bytes) {
    static constexpr std::array kUnits{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    auto value = static_cast<double>(bytes);
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < kUnits.size()) {
        value /= 1024;
        ++unit;
    }
    const bool whole = value == static_cast<double>(static_cast<uint64_t>(value));
    return u"%1 %2"_s.arg(QString::number(value, 'f', whole ? 0 : 1),
                          QString::fromLatin1(kUnits[unit]));
}

QString absolutePathOf(const std::string& path) {
    return QDir::cleanPath(QFileInfo(QString::fromLocal8Bit(path.c_str())).absoluteFilePath());
}

} // namespace vivarium::cli
