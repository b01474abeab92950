#include "core/disk_manager/disk_catalogue.h"

#include <QCollator>
#include <QDir>
#include <QDirIterator>
#include <QFile>
#include <QFileInfo>
#include <QHash>

#include <algorithm>

#include <sys/stat.h>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

const QStringList& diskSuffixes() {
    static const QStringList suffixes{u"*.qcow2"_s, u"*.img"_s, u"*.raw"_s, u"*.dd"_s,
                                      u"*.vmdk"_s,  u"*.vdi"_s, u"*.vhd"_s, u"*.vhdx"_s};
    return suffixes;
}

class Catalogue {
public:
    void addDrive(const Machine& machine, const DriveSettings& drive) {
        CatalogueEntry& entry = at(drive.path, drive.type);
        if (drive.type == DriveType::HardDisk)
            entry.kind = drive.format == DiskFormat::Qcow2 ? control::ImageKind::Qcow2
                                                           : control::ImageKind::Raw;
        if (!entry.machines.contains(machine.settings.name))
            entry.machines << machine.settings.name;
    }
    void addFolder(const QString& folder, int& budget) {
        add(folder, diskSuffixes(), DriveType::HardDisk, budget);
        add(folder, {u"*.iso"_s, u"*.cdr"_s}, DriveType::Optical, budget);
    }
    QList<CatalogueEntry> take() {
        QCollator collator;
        collator.setNumericMode(true);
        std::sort(m_entries.begin(), m_entries.end(),
                  [&](const CatalogueEntry& a, const CatalogueEntry& b) {
                      if (a.type != b.type)
                          return a.type == DriveType::HardDisk;
                      const int order = collator.compare(QFileInfo(a.path).fileName(),
                                                         QFileInfo(b.path).fileName());
                      return order != 0 ? order < 0 : a.path < b.path;
                  });
        return std::move(m_entries);
    }

private:
    void add(const QString& folder, const QStringList& names, DriveType type, int& budget) {
        QDirIterator files(folder, names, QDir::Files | QDir::Readable);
        while (files.hasNext() && budget-- > 0)
            at(files.next(), type);
    }
    CatalogueEntry& at(const QString& path, DriveType type) {
        const QString canonical = QFileInfo(path).canonicalFilePath();
        const QString key = canonical.isEmpty() ? path : canonical;
        if (const auto known = m_index.constFind(key); known != m_index.constEnd())
            return m_entries[*known];
        m_index.insert(key, m_entries.size());
        CatalogueEntry entry;
        entry.path = path;
        entry.type = type;
        struct stat status {};
        if (::stat(QFile::encodeName(path).constData(), &status) == 0) {
            entry.exists = true;
            entry.fileBytes = static_cast<uint64_t>(status.st_size);
            entry.allocatedBytes = static_cast<uint64_t>(status.st_blocks) * 512;
        }
        m_entries << entry;
        return m_entries.last();
    }

    QList<CatalogueEntry> m_entries;
    QHash<QString, qsizetype> m_index; // by canonical path
};

} // namespace

QList<CatalogueEntry> listImages(const QList<Machine>& machines, const QString& folder,
                                 const QString& extraFolder) {
    Catalogue catalogue;
    for (const Machine& machine : machines)
        for (const DriveSettings& drive : machine.settings.drives)
            if (!drive.path.isEmpty())
                catalogue.addDrive(machine, drive);
    int budget = kMaxFolderEntries;
    catalogue.addFolder(folder, budget);
    QDirIterator below(folder, QDir::Dirs | QDir::NoDotAndDotDot);
    while (below.hasNext() && budget > 0)
        catalogue.addFolder(below.next(), budget);
    if (!extraFolder.isEmpty())
        catalogue.addFolder(extraFolder, budget);
    return catalogue.take();
}

} // namespace vivarium
