#include "ui/machine_settings/storage_page.h"

#include "core/database/library.h"
#include "core/disks/disk_format.h"
#include "ui/text/machine_text.h"
#include "ui/widgets/background.h"
#include "ui/widgets/disk_names.h"
#include "ui/widgets/future_reply.h"
#include "ui/widgets/icons.h"
#include "ui/widgets/media_files.h"
#include "ui/widgets/path_field.h"

#include <QCheckBox>
#include <QComboBox>
#include <QFileDialog>
#include <QFileInfo>
#include <QFormLayout>
#include <QGroupBox>
#include <QLabel>
#include <QMenu>
#include <QToolButton>
#include <QTreeWidget>

#include <algorithm>
#include <map>
#include <utility>

namespace vivarium {

namespace {
constexpr DriveBus kBuses[]{DriveBus::Sata, DriveBus::Nvme, DriveBus::Virtio};
} // namespace

StoragePage::StoragePage(Library& library, const Preferences& preferences, QWidget* parent)
    : SettingsPage(parent), m_library(library), m_diskNames(new DiskNames(library, this)),
      m_mediaFolder(mediaFolder(preferences)), m_list(new QTreeWidget(this)),
      m_addDisk(new QToolButton(this)), m_addOptical(new QToolButton(this)),
      m_remove(new QToolButton(this)), m_attributes(new QGroupBox(tr("Attributes"), this)),
      m_bus(new QComboBox(m_attributes)), m_port(new QComboBox(m_attributes)),
      m_path(new PathField(PathField::Kind::OpenFile, m_attributes)),
      m_known(new QToolButton(m_attributes)), m_format(new QComboBox(m_attributes)),
      m_readOnly(new QCheckBox(tr("&Read-only"), m_attributes)),
      m_cache(new QComboBox(m_attributes)), m_onError(new QComboBox(m_attributes)),
      m_onFull(new QComboBox(m_attributes)), m_information(new QLabel(m_attributes)) {
    buildList();
    buildAttributes(library, preferences);
    auto* buttons = new QHBoxLayout;
    for (QToolButton* button : {m_addDisk, m_addOptical, m_remove})
        buttons->addWidget(button);
    buttons->addStretch();
    auto* left = new QVBoxLayout;
    auto* title = new QLabel(tr("&Storage Devices"), this);
    title->setBuddy(m_list);
    left->addWidget(title);
    left->addWidget(m_list, 1);
    left->addLayout(buttons);
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addLayout(left, 1);
    layout->addWidget(m_attributes, 1);
}

void StoragePage::buildList() {
    m_list->setHeaderHidden(true);
    m_list->setRootIsDecorated(false);
    m_list->setItemsExpandable(false);
    m_list->setTextElideMode(Qt::ElideMiddle);
    m_addDisk->setIcon(applicationIcon(QStringLiteral("hard-disk")));
    m_addDisk->setText(tr("Add Hard Disk"));
    auto* diskMenu = new QMenu(m_addDisk);
    connect(diskMenu->addAction(tr("Create a New Disk…")), &QAction::triggered, this,
            &StoragePage::diskWanted);
    connect(diskMenu->addAction(tr("Choose an Existing Disk…")), &QAction::triggered, this, [this] {
        const QString path = QFileDialog::getOpenFileName(this, tr("Choose a Hard Disk"),
                                                          m_mediaFolder, diskImageFilters());
        if (!path.isEmpty())
            addHardDisk(path);
    });
    m_addDisk->setMenu(diskMenu);
    m_addOptical->setIcon(applicationIcon(QStringLiteral("optical")));
    m_addOptical->setText(tr("Add Optical Drive"));
    auto* opticalMenu = new QMenu(m_addOptical);
    connect(opticalMenu->addAction(tr("Leave Empty")), &QAction::triggered, this,
            [this] { addDrive(DriveType::Optical, QString()); });
    connect(opticalMenu->addAction(tr("Choose a Disk File…")), &QAction::triggered, this, [this] {
        const QString path = QFileDialog::getOpenFileName(this, tr("Choose an Optical Disk"),
                                                          m_mediaFolder, opticalImageFilters());
        if (!path.isEmpty())
            addDrive(DriveType::Optical, path);
    });
    m_addOptical->setMenu(opticalMenu);
    m_remove->setIcon(applicationIcon(QStringLiteral("machine-remove")));
    m_remove->setText(tr("Remove"));
    m_remove->setToolTip(tr("Takes the drive out of the machine; its file stays"));
    for (QToolButton* button : {m_addDisk, m_addOptical}) {
        button->setPopupMode(QToolButton::InstantPopup);
        button->setToolTip(button->text());
    }
    for (QToolButton* button : {m_addDisk, m_addOptical, m_remove})
        button->setAccessibleName(button->text());
    connect(m_remove, &QToolButton::clicked, this, &StoragePage::removeDrive);
    connect(m_diskNames, &DiskNames::learned, this, [this] { rebuildList(currentRow()); });
    connect(m_list, &QTreeWidget::currentItemChanged, this, [this] {
        if (!m_isLoading)
            showDrive();
    });
}

void StoragePage::buildAttributes(const Library& library, const Preferences&) {
    for (DriveBus bus : kBuses)
        m_bus->addItem(driveBusText(bus), static_cast<int>(bus));
    m_bus->setObjectName(QStringLiteral("diskBus"));
    m_bus->setToolTip(tr("SATA works in every guest. NVMe and Virtio are faster; the guest system "
                         "needs a driver for them."));
    m_known->setIcon(applicationIcon(QStringLiteral("optical")));
    m_known->setPopupMode(QToolButton::InstantPopup);
    m_known->setToolTip(tr("Known disks, and removing the disk"));
    m_known->setAccessibleName(m_known->toolTip());
    auto* knownMenu = new QMenu(m_known);
    const QStringList known = knownOpticalImages(library);
    for (const QString& path : known)
        connect(knownMenu->addAction(QFileInfo(path).fileName()), &QAction::triggered, this,
                [this, path] { m_path->setPath(path); });
    knownMenu->addSeparator();
    connect(knownMenu->addAction(tr("Remove Disk From Virtual Drive")), &QAction::triggered, this,
            [this] { m_path->setPath(QString()); });
    m_known->setMenu(knownMenu);
    for (DiskFormat format : {DiskFormat::Raw, DiskFormat::Qcow2})
        m_format->addItem(diskFormatText(format), static_cast<int>(format));
    m_format->setObjectName(QStringLiteral("diskFormat"));
    m_format->setToolTip(tr("Found out when a file is chosen. A wrong format makes the disk "
                            "unreadable."));
    buildPolicies();
    m_path->setStartFolder(m_mediaFolder);
    m_information->setWordWrap(true);
    m_information->setTextFormat(Qt::PlainText);
    auto* file = new QHBoxLayout;
    file->addWidget(m_path, 1);
    file->addWidget(m_known);
    auto* fileTitle = new QLabel(tr("&File:"), m_attributes);
    fileTitle->setBuddy(m_path);
    auto* form = new QFormLayout(m_attributes);
    form->setRowWrapPolicy(QFormLayout::WrapLongRows);
    form->addRow(tr("&Controller:"), m_bus);
    form->addRow(tr("&Port:"), m_port);
    form->addRow(fileTitle, file);
    form->addRow(tr("For&mat:"), m_format);
    form->addRow(QString(), m_readOnly);
    form->addRow(tr("&Host cache:"), m_cache);
    form->addRow(tr("On &errors:"), m_onError);
    form->addRow(tr("When the host is f&ull:"), m_onFull);
    form->addRow(tr("Size:"), m_information);
    connect(m_bus, &QComboBox::activated, this, &StoragePage::changeDrive);
    connect(m_port, &QComboBox::activated, this, &StoragePage::changeDrive);
    connect(m_path, &PathField::pathChanged, this, &StoragePage::changeDrive);
    connect(m_format, &QComboBox::activated, this, &StoragePage::changeDrive);
    connect(m_readOnly, &QCheckBox::toggled, this, &StoragePage::changeDrive);
    for (QComboBox* policy : {m_cache, m_onError, m_onFull})
        connect(policy, &QComboBox::activated, this, &StoragePage::changeDrive);
}

void StoragePage::buildPolicies() {
    m_cache->addItem(tr("Until the guest flushes"), static_cast<int>(CacheMode::WriteBack));
    m_cache->addItem(tr("For reading only"), static_cast<int>(CacheMode::WriteThrough));
    m_cache->addItem(tr("None (direct)"), static_cast<int>(CacheMode::Direct));
    m_cache->setObjectName(QStringLiteral("diskCache"));
    m_cache->setToolTip(tr("What the guest writes is kept in the host's memory until the guest "
                           "wants it on the disk, is written at once, or goes around the host's "
                           "memory."));
    for (QComboBox* policy : {m_onError, m_onFull}) {
        policy->addItem(tr("Tell the guest"), static_cast<int>(DiskErrorAction::Report));
        policy->addItem(tr("Pause the machine"), static_cast<int>(DiskErrorAction::Stop));
        policy->addItem(tr("Ignore"), static_cast<int>(DiskErrorAction::Ignore));
    }
    m_onError->setObjectName(QStringLiteral("diskOnError"));
    m_onFull->setObjectName(QStringLiteral("diskOnFull"));
    m_onError->setToolTip(tr("When the host cannot read or write the disk's file"));
    m_onFull->setToolTip(tr("When a write finds no space on the host; ignoring it loses data"));
}

void StoragePage::load(const Machine& machine) {
    m_drives = machine.settings.drives;
    m_loaded = m_drives;
    rebuildList(0);
}

void StoragePage::store(Machine& machine) const {
    machine.settings.drives = m_drives;
    std::sort(machine.settings.drives.begin(), machine.settings.drives.end(),
              [](const DriveSettings& a, const DriveSettings& b) {
                  return std::pair(a.bus, a.port) < std::pair(b.bus, b.port);
              });
}

void StoragePage::setLiveness(Liveness liveness) {
    m_liveness = liveness;
    showDrive();
}

int StoragePage::currentRow() const {
    const QTreeWidgetItem* item = m_list->currentItem();
    return item && item->parent() ? item->data(0, Qt::UserRole).toInt() : -1;
}

void StoragePage::rebuildList(int selected) {
    m_isLoading = true;
    m_list->clear();
    std::map<DriveBus, QTreeWidgetItem*> controllers;
    for (DriveBus bus : kBuses) {
        const bool used =
            std::any_of(m_drives.begin(), m_drives.end(),
                        [bus](const DriveSettings& drive) { return drive.bus == bus; });
        if (!used && bus != DriveBus::Sata)
            continue;
        auto* controller =
            new QTreeWidgetItem(m_list, {tr("Controller: %1").arg(driveBusText(bus))});
        controller->setIcon(0, applicationIcon(QStringLiteral("section-storage")));
        controller->setExpanded(true);
        controllers[bus] = controller;
    }
    for (int row = 0; row < m_drives.size(); ++row) {
        const DriveSettings& drive = m_drives.at(row);
        const bool optical = drive.type == DriveType::Optical;
        const QString name = drive.path.isEmpty() ? tr("Empty") : m_diskNames->name(drive.path);
        auto* item = new QTreeWidgetItem(controllers.at(drive.bus), {name});
        item->setIcon(0, applicationIcon(!optical               ? QStringLiteral("hard-disk")
                                         : drive.path.isEmpty() ? QStringLiteral("optical-empty")
                                                                : QStringLiteral("optical")));
        item->setData(0, Qt::UserRole, row);
        item->setToolTip(0, drive.path);
        if (row == selected)
            m_list->setCurrentItem(item);
    }
    m_isLoading = false;
    showDrive();
}

bool StoragePage::isFree(const DriveSettings& drive) const {
    return m_liveness == Liveness::Stopped || !m_loaded.contains(drive);
}

void StoragePage::showDrive() {
    const int row = currentRow();
    const bool stopped = m_liveness == Liveness::Stopped;
    m_addDisk->setEnabled(freeBus(DriveType::HardDisk).has_value());
    m_addOptical->setEnabled(freeBus(DriveType::Optical).has_value());
    m_remove->setEnabled(row >= 0 && (stopped || m_drives.at(row).bus == DriveBus::Sata));
    m_attributes->setEnabled(row >= 0);
    if (row < 0)
        return;
    const DriveSettings drive = m_drives.at(row);
    const bool optical = drive.type == DriveType::Optical;
    const bool free = isFree(drive);
    m_isLoading = true;
    m_bus->setCurrentIndex(m_bus->findData(static_cast<int>(drive.bus)));
    m_bus->setEnabled(stopped && !optical); // optical drives are on the SATA controller
    m_port->clear();
    DriveSettings place = drive;
    for (place.port = 0; place.port < portCount(drive.bus); ++place.port)
        m_port->addItem(drivePlaceText(place), place.port);
    m_port->setCurrentIndex(m_port->findData(drive.port));
    m_port->setEnabled(stopped);
    if (m_path->path() != drive.path)
        m_path->setPath(drive.path);
    m_path->setEnabled(free || optical);
    m_path->setPlaceholderText(optical ? tr("Empty") : QString());
    m_path->setDialog(optical ? tr("Choose an Optical Disk") : tr("Choose a Hard Disk"),
                      optical ? opticalImageFilters() : diskImageFilters());
    m_known->setVisible(optical);
    m_format->setCurrentIndex(m_format->findData(static_cast<int>(drive.format)));
    m_format->setEnabled(free && !optical);
    m_readOnly->setVisible(!optical);
    m_readOnly->setChecked(drive.readOnly);
    m_readOnly->setEnabled(free);
    m_cache->setCurrentIndex(m_cache->findData(static_cast<int>(drive.cacheMode)));
    m_onError->setCurrentIndex(m_onError->findData(static_cast<int>(drive.onError)));
    m_onFull->setCurrentIndex(m_onFull->findData(static_cast<int>(drive.onFull)));
    for (QComboBox* policy : {m_cache, m_onError, m_onFull})
        policy->setEnabled(free && !optical);
    m_isLoading = false;
    m_information->setText(QString());
    if (drive.path.isEmpty())
        return;
    whenFinished(this, computeInBackground([path = drive.path] { return QFileInfo(path).size(); }),
                 [this, path = drive.path](const QFuture<qint64>& size) {
                     const int now = currentRow();
                     if (now >= 0 && m_drives.at(now).path == path)
                         m_information->setText(size.result() > 0
                                                    ? sizeText(static_cast<quint64>(size.result()))
                                                    : tr("The file is not there."));
                 });
}

void StoragePage::changeDrive() {
    const int row = currentRow();
    if (m_isLoading || row < 0)
        return;
    DriveSettings& drive = m_drives[row];
    attach(drive, static_cast<DriveBus>(m_bus->currentData().toInt()),
           m_port->currentData().toUInt());
    const bool disk = drive.type == DriveType::HardDisk;
    const bool otherFile = drive.path != m_path->path();
    drive.path = m_path->path();
    drive.readOnly = disk && m_readOnly->isChecked();
    if (disk) {
        drive.format = static_cast<DiskFormat>(m_format->currentData().toInt());
        drive.cacheMode = static_cast<CacheMode>(m_cache->currentData().toInt());
        drive.onError = static_cast<DiskErrorAction>(m_onError->currentData().toInt());
        drive.onFull = static_cast<DiskErrorAction>(m_onFull->currentData().toInt());
    }
    rebuildList(row);
    Q_EMIT
    changed();
    if (disk && otherFile)
        detectFormatOf(m_path->path());
}

// Moves a drive: to the first free port of another bus, which may have none, or to a port of its
// own bus, whose drive takes the free place.
void StoragePage::attach(DriveSettings& drive, DriveBus bus, quint32 port) {
    if (bus != drive.bus) {
        const quint32 freePort = firstFreePort(m_drives, bus);
        if (freePort >= portCount(bus))
            return;
        drive.bus = bus;
        drive.port = freePort;
        return;
    }
    for (DriveSettings& other : m_drives)
        if (other.bus == bus && other.port == port)
            other.port = drive.port;
    drive.port = port;
}

std::optional<DriveBus> StoragePage::freeBus(DriveType type) const {
    const bool anyBus = type == DriveType::HardDisk && m_liveness == Liveness::Stopped;
    for (DriveBus bus : kBuses)
        if ((anyBus || bus == DriveBus::Sata) && firstFreePort(m_drives, bus) < portCount(bus))
            return bus;
    return std::nullopt;
}

void StoragePage::addDrive(DriveType type, const QString& path) {
    const auto bus = freeBus(type);
    if (!bus)
        return;
    m_drives.append({type, firstFreePort(m_drives, *bus), path, false, *bus});
    rebuildList(static_cast<int>(m_drives.size()) - 1);
    Q_EMIT
    changed();
}

void StoragePage::addHardDisk(const QString& path) {
    addDrive(DriveType::HardDisk, path);
    detectFormatOf(path);
}

// A file that was just chosen: what the library knows of it, else what its contents look like.
void StoragePage::detectFormatOf(const QString& path) {
    const auto apply = [this, path](DiskFormat format) {
        for (DriveSettings& drive : m_drives)
            if (drive.type == DriveType::HardDisk && drive.path == path)
                drive.format = format;
        showDrive();
        Q_EMIT
        changed();
    };
    if (path.isEmpty())
        return;
    if (const auto known = formatInUse(m_library.machines(), path)) {
        apply(*known);
        return;
    }
    whenFinished(this, computeInBackground([path] { return detectFormat(path); }),
                 [apply](const QFuture<Result<DiskFormat>>& answer) {
                     // A file that cannot be read is explained when the machine starts.
                     if (const Result<DiskFormat> format = answer.result())
                         apply(*format);
                 });
}

void StoragePage::removeDrive() {
    const int row = currentRow();
    if (row < 0)
        return;
    m_drives.removeAt(row);
    rebuildList(std::min(row, static_cast<int>(m_drives.size()) - 1));
    Q_EMIT
    changed();
}

} // namespace vivarium
