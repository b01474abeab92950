#include "app/cli/disk_reports.h"

#include "app/cli/disk_jobs.h"
#include "app/cli/printer.h"

#include <QDateTime>
#include <QStringList>

namespace vivarium::cli {

using namespace Qt::StringLiterals;
using control::ImageKind;

namespace {

QString latin(std::string_view text) {
    return QString::fromLatin1(text.data(), static_cast<qsizetype>(text.size()));
}
qint64 number(uint64_t value) {
    return static_cast<qint64>(value);
}
QString nameOf(control::ImageCompression compression) {
    return compression == control::ImageCompression::Zstd ? u"zstd"_s : u"zlib"_s;
}
QString nameOf(control::ImageExtentKind kind) {
    switch (kind) {
    case control::ImageExtentKind::Unallocated:
        return u"unallocated"_s;
    case control::ImageExtentKind::Zero:
        return u"zero"_s;
    case control::ImageExtentKind::Data:
        return u"data"_s;
    case control::ImageExtentKind::Compressed:
        return u"compressed"_s;
    }
    return {};
}

void addLine(QStringList& lines, const QString& label, const QString& value) {
    lines << (label + u':').leftJustified(18) + printable(value);
}

} // namespace

QJsonObject imageInfoJson(const QString& path, const control::ImageInfo& info) {
    QJsonObject object{{u"path"_s, path},
                       {u"format"_s, latin(control::imageKindName(info.kind))},
                       {u"diskBytes"_s, number(info.diskBytes)},
                       {u"fileBytes"_s, number(info.fileBytes)},
                       {u"allocatedBytes"_s, number(info.allocatedBytes)}};
    if (info.kind != ImageKind::Qcow2)
        return object;
    object[u"version"_s] = static_cast<int>(info.version);
    object[u"clusterBytes"_s] = number(info.clusterBytes);
    object[u"refcountBits"_s] = static_cast<int>(info.refcountBits);
    object[u"compression"_s] = nameOf(info.compression);
    object[u"lazyRefcounts"_s] = info.lazyRefcounts;
    object[u"dirty"_s] = info.dirty;
    object[u"corrupt"_s] = info.corrupt;
    if (!info.backingName.empty()) {
        object[u"backingFile"_s] = QString::fromStdString(info.backingName);
        object[u"backingFormat"_s] = QString::fromStdString(info.backingFormat);
    }
    QJsonArray snapshots;
    for (const control::ImageSnapshot& snapshot : info.snapshots)
        snapshots.append(QJsonObject{
            {u"id"_s, QString::fromStdString(snapshot.id)},
            {u"name"_s, QString::fromStdString(snapshot.name)},
            {u"time"_s,
             QDateTime::fromSecsSinceEpoch(snapshot.dateSeconds, Qt::UTC).toString(Qt::ISODate)},
            {u"stateBytes"_s, number(snapshot.stateBytes)}});
    object[u"internalSnapshots"_s] = snapshots;
    return object;
}

QString imageInfoText(const QString& path, const control::ImageInfo& info) {
    QStringList lines;
    addLine(lines, u"Image"_s, path);
    addLine(lines, u"Format"_s,
            info.kind == ImageKind::Qcow2
                ? u"qcow2, version %1, clusters of %2, %3"_s.arg(info.version)
                      .arg(bytesText(info.clusterBytes), nameOf(info.compression))
                : latin(control::imageKindName(info.kind)));
    addLine(lines, u"Size of the disk"_s, bytesText(info.diskBytes));
    addLine(lines, u"Size on disk"_s, bytesText(info.allocatedBytes));
    if (!info.backingName.empty())
        addLine(lines, u"Backing file"_s,
                info.backingFormat.empty()
                    ? u"%1 (of unstated format)"_s.arg(QString::fromStdString(info.backingName))
                    : u"%1 (%2)"_s.arg(QString::fromStdString(info.backingName),
                                       QString::fromStdString(info.backingFormat)));
    if (info.dirty)
        addLine(lines, u"State"_s, u"was not closed; it is repaired when it is next used"_s);
    if (info.corrupt)
        addLine(lines, u"State"_s, u"damaged; see “viv disk check”"_s);
    for (const control::ImageSnapshot& snapshot : info.snapshots)
        addLine(lines, u"Internal snapshot"_s, QString::fromStdString(snapshot.name));
    return lines.join(u'\n');
}

QJsonObject checkJson(const control::ImageCheck& check) {
    QJsonArray findings;
    for (const std::string& finding : check.findings)
        findings.append(QString::fromStdString(finding));
    return {{u"clean"_s, check.clean()},
            {u"leaks"_s, number(check.leaks)},
            {u"leaksFixed"_s, number(check.leaksFixed)},
            {u"corruptions"_s, number(check.corruptions)},
            {u"corruptionsFixed"_s, number(check.corruptionsFixed)},
            {u"allocatedClusters"_s, number(check.allocatedClusters)},
            {u"compressedClusters"_s, number(check.compressedClusters)},
            {u"fragmentedClusters"_s, number(check.fragmentedClusters)},
            {u"totalClusters"_s, number(check.totalClusters)},
            {u"imageEndBytes"_s, number(check.imageEndBytes)},
            {u"findings"_s, findings}};
}

QString checkText(const control::ImageCheck& check) {
    QStringList lines;
    for (const std::string& finding : check.findings)
        lines << printable(QString::fromStdString(finding));
    if (check.corruptions == 0 && check.leaks == 0)
        lines << u"No errors were found."_s;
    if (check.corruptions > 0)
        lines << u"%1 errors, %2 of them repaired."_s.arg(check.corruptions)
                     .arg(check.corruptionsFixed);
    if (check.leaks > 0)
        lines << u"%1 clusters are wasted, %2 of them given back."_s.arg(check.leaks)
                     .arg(check.leaksFixed);
    if (check.totalClusters > 0)
        lines << u"%1 of %2 clusters are in use."_s.arg(check.allocatedClusters)
                     .arg(check.totalClusters);
    return lines.join(u'\n');
}

QJsonArray mapJson(const std::vector<control::ImageExtent>& extents,
                   const QList<ImageTool::Layer>& chain) {
    QJsonArray array;
    for (const control::ImageExtent& extent : extents) {
        QJsonObject object{{u"start"_s, number(extent.offsetBytes)},
                           {u"length"_s, number(extent.lengthBytes)},
                           {u"kind"_s, nameOf(extent.kind)}};
        if (extent.kind != control::ImageExtentKind::Unallocated && extent.layer < chain.size())
            object[u"file"_s] = chain.at(extent.layer).file.path;
        if (extent.hostOffset >= 0)
            object[u"offset"_s] = static_cast<qint64>(extent.hostOffset);
        array.append(object);
    }
    return array;
}

QString mapText(const std::vector<control::ImageExtent>& extents,
                const QList<ImageTool::Layer>& chain) {
    QStringList lines;
    lines << u"%1 %2  %3  %4"_s.arg(u"Start"_s, 16)
                 .arg(u"Length"_s, 16)
                 .arg(u"Kind"_s.leftJustified(11), u"File"_s);
    for (const control::ImageExtent& extent : extents) {
        const bool stored =
            extent.kind != control::ImageExtentKind::Unallocated && extent.layer < chain.size();
        lines << u"%1 %2  %3  %4"_s.arg(extent.offsetBytes, 16)
                     .arg(extent.lengthBytes, 16)
                     .arg(nameOf(extent.kind).leftJustified(11),
                          stored ? printable(chain.at(extent.layer).file.path) : u"-"_s);
    }
    return lines.join(u'\n');
}

} // namespace vivarium::cli
