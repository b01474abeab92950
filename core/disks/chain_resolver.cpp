#include "core/disks/chain_resolver.h"

#include "core/disks/file_stamp.h"
#include "core/disks/fingerprint.h"
#include "vmm/base/unique_fd.h"

#include <QFile>

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

Error refused(ErrorCode code, const QString& sentence) {
    return fail(code, sentence.toStdString());
}

// The file below `above` cannot be used.
Error brokenBase(int number, const QString& path, const QString& above) {
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return refused(
            ErrorCode::NotFound,
            u"The disk image %1 stands on %2, which does not exist; put that file back, or remove the disk from the machine."_s
                .arg(above, path));
    case EACCES:
    case EPERM:
        return refused(
            ErrorCode::PermissionDenied,
            u"The disk image %1 stands on %2, which cannot be read; change that file's permissions."_s
                .arg(above, path));
    case EISDIR:
        return refused(
            ErrorCode::InvalidArgument,
            u"The disk image %1 stands on %2, which is a folder; put the image file back."_s.arg(
                above, path));
    default:
        return systemError(
            number, u"The disk image %1 stands on %2, which cannot be opened"_s.arg(above, path)
                        .toStdString());
    }
}

Error changedBase(const QString& path, const QString& above, const QString& how) {
    return refused(
        ErrorCode::Corrupt,
        u"The disk image %1 stands on %2, which was replaced or changed: %3. Put the original file back; starting would damage the disk."_s
            .arg(above, path, how));
}

// 0 or an errno.
int readStatus(const QString& path, struct stat& status) {
    if (::stat(QFile::encodeName(path).constData(), &status) != 0)
        return errno;
    return S_ISDIR(status.st_mode) ? EISDIR : 0;
}

// The size of a raw disk: of the file, or of the host's disk that it names.
Result<uint64_t> rawSize(const QString& path, const struct stat& status) {
    if (S_ISREG(status.st_mode))
        return static_cast<uint64_t>(status.st_size);
    const UniqueFd fd(
        ::open(QFile::encodeName(path).constData(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    const off_t end = fd ? ::lseek(fd.get(), 0, SEEK_END) : -1;
    if (end < 0)
        return systemError(errno, u"The disk image %1 cannot be opened"_s.arg(path).toStdString());
    return static_cast<uint64_t>(end);
}

} // namespace

ChainResolver::ChainResolver(const QList<DiskLayer>& known, const ImageInspector& inspector)
    : m_inspector(inspector) {
    for (const DiskLayer& layer : known)
        m_known.insert(layer.path, layer);
}

Result<QList<DiskLayer>> ChainResolver::resolve(const DriveSettings& drive) {
    TRY(checkNothingAbove(drive));
    struct stat status {};
    DiskLayer alone;
    alone.path = drive.path;
    alone.format = drive.format;
    if (readStatus(drive.path, status) != 0)
        return QList<DiskLayer>{alone}; // opening it says what is wrong
    const auto known = m_known.constFind(drive.path);
    const bool isKnown = known != m_known.constEnd() && known->format == drive.format;
    if (drive.format == DiskFormat::Raw) {
        DiskLayer only = isKnown ? *known : alone;
        only.sizeBytes = TRY(rawSize(drive.path, status));
        return QList<DiskLayer>{only};
    }
    const bool trusted =
        isKnown && (known->owner == DiskLayer::Owner::Program || known->stamp == fileStamp(status));
    QList<DiskLayer> chain = trusted ? TRY(knownChain(drive)) : TRY(inspectedChain(drive));
    for (qsizetype i = chain.size() - 2; i >= 0; --i)
        TRY(checkUnchanged(chain[i], chain.at(i + 1)));
    // Parents first, as the library takes them.
    for (qsizetype i = 0; i < chain.size(); ++i)
        if (i + 1 < chain.size() || !trusted)
            learn(chain.at(i));
    return chain;
}

Result<void> ChainResolver::checkNothingAbove(const DriveSettings& drive) const {
    if (drive.type != DriveType::HardDisk || drive.readOnly)
        return {};
    for (const DiskLayer& layer : m_known)
        if (layer.parent == drive.path)
            return refused(
                ErrorCode::Busy,
                u"The disk image %1 is what %2 stands on, so it may not be written to; attach it read-only, or attach that one."_s
                    .arg(drive.path, layer.path));
    return {};
}

Result<QList<DiskLayer>> ChainResolver::knownChain(const DriveSettings& drive) const {
    QList<DiskLayer> chain;
    for (QString path = drive.path; !path.isEmpty(); path = chain.first().parent) {
        if (chain.size() == kMaxChainLength)
            return refused(ErrorCode::LimitExceeded,
                           u"The disk image %1 stands on more than %2 files; merge some of them."_s
                               .arg(drive.path)
                               .arg(kMaxChainLength - 1));
        const auto layer = m_known.constFind(path);
        if (layer == m_known.constEnd())
            return refused(
                ErrorCode::Corrupt,
                u"The library does not know %1, on which the disk image %2 stands; restore a backup of the library."_s
                    .arg(path, chain.first().path));
        chain.prepend(*layer);
    }
    return chain;
}

Result<QList<DiskLayer>> ChainResolver::inspectedChain(const DriveSettings& drive) {
    QList<DiskLayer> chain = TRY(m_inspector.chain(drive.path, drive.format));
    if (chain.isEmpty())
        return refused(ErrorCode::Internal,
                       u"The disk image %1 was not looked into."_s.arg(drive.path));
    chain.last().path = drive.path; // as the library calls it
    for (DiskLayer& layer : chain) {
        struct stat status {};
        if (readStatus(layer.path, status) == 0)
            layer.stamp = fileStamp(status);
        const auto known = m_known.constFind(layer.path);
        if (known == m_known.constEnd())
            continue;
        layer.owner = known->owner;
        layer.machine = known->machine;
        if (&layer == &chain.last())
            continue;
        layer.stamp = known->stamp; // checkUnchanged() compares it
        layer.fingerprint = known->fingerprint;
    }
    // What the library knows to stand on each other must still fit.
    for (qsizetype i = 0; i + 1 < chain.size(); ++i) {
        const auto below = m_known.constFind(chain.at(i).path);
        const auto above = m_known.constFind(chain.at(i + 1).path);
        if (below == m_known.constEnd() || above == m_known.constEnd() ||
            above->parent != below->path)
            continue;
        if (below->parent != chain.at(i).parent || below->format != chain.at(i).format)
            return changedBase(below->path, above->path, u"its format or backing file differs"_s);
        if (below->sizeBytes != chain.at(i).sizeBytes)
            return changedBase(below->path, above->path,
                               u"its disk had %1 bytes and has %2 now"_s.arg(below->sizeBytes)
                                   .arg(chain.at(i).sizeBytes));
    }
    return chain;
}

Result<void> ChainResolver::checkUnchanged(DiskLayer& layer, const DiskLayer& above) {
    struct stat status {};
    if (const int error = readStatus(layer.path, status); error != 0)
        return brokenBase(error, layer.path, above.path);
    const QString stamp = fileStamp(status);
    const bool users = layer.owner == DiskLayer::Owner::User;
    if (layer.stamp == stamp) {
        if (users && layer.fingerprint.isEmpty()) // nothing stood on it when it was looked into
            layer.fingerprint = TRY(contentFingerprint(layer.path));
        return {};
    }
    // Written to by its last run when it was the top, copied, or replaced.
    uint64_t sizeBytes = 0;
    if (layer.format == DiskFormat::Raw) {
        sizeBytes = TRY(rawSize(layer.path, status));
    } else {
        const DiskLayer found = TRY(inspectChanged(layer, above));
        if (layer.owner == DiskLayer::Owner::User && found.parent != layer.parent)
            return changedBase(layer.path, above.path, u"it has another backing file"_s);
        sizeBytes = found.sizeBytes;
    }
    if (sizeBytes != layer.sizeBytes)
        return changedBase(
            layer.path, above.path,
            u"its disk had %1 bytes and has %2 now"_s.arg(layer.sizeBytes).arg(sizeBytes));
    if (users) {
        const QString fingerprint = TRY(contentFingerprint(layer.path));
        if (!layer.fingerprint.isEmpty() && layer.fingerprint != fingerprint)
            return changedBase(layer.path, above.path, u"what is in it has changed"_s);
        layer.fingerprint = fingerprint;
    }
    layer.stamp = stamp;
    return {};
}

Result<DiskLayer> ChainResolver::inspectChanged(const DiskLayer& layer,
                                                const DiskLayer& above) const {
    const auto explained = [&](const Error& error) {
        return error.code == ErrorCode::Corrupt || error.code == ErrorCode::Unsupported
                   ? changedBase(layer.path, above.path, QString::fromStdString(error.detail))
                   : error;
    };
    if (layer.owner == DiskLayer::Owner::Program) {
        auto found = m_inspector.file(layer.path, layer.format);
        return found ? found : Result<DiskLayer>(explained(found.error()));
    }
    const auto chain = m_inspector.chain(layer.path, layer.format);
    if (!chain)
        return explained(chain.error());
    return chain->last();
}

void ChainResolver::learn(const DiskLayer& layer) {
    const auto known = m_known.constFind(layer.path);
    if (known != m_known.constEnd() && *known == layer)
        return;
    m_known.insert(layer.path, layer);
    m_learned.append(layer);
}

} // namespace vivarium
