#pragma once

#include "ui/machine_settings/settings_page.h"

#include <optional>

class QCheckBox;
class QComboBox;
class QGroupBox;
class QLabel;
class QToolButton;
class QTreeWidget;

namespace vivarium {

class DiskNames;
class Library;
class PathField;
struct Preferences;

// The machine's drives and what they are attached to. While the machine runs, SATA drives can be
// added and taken out and optical drives get other media; the other drives stay as they are.
class StoragePage : public SettingsPage {
    Q_OBJECT
public:
    StoragePage(Library& library, const Preferences& preferences, QWidget* parent = nullptr);
    void load(const Machine& machine) override;
    void store(Machine& machine) const override;
    void setLiveness(Liveness liveness) override;

    // Adds a hard disk, for example one that was just created.
    void addHardDisk(const QString& path);

Q_SIGNALS:
    // The user wants a new disk; the dialog makes it and calls addHardDisk().
    void diskWanted();

private:
    void buildList();
    void buildAttributes(const Library& library, const Preferences& preferences);
    void rebuildList(int selected);
    void showDrive();
    void changeDrive();
    void addDrive(DriveType type, const QString& path);
    void removeDrive();
    int currentRow() const;
    // A bus with a free port for a new drive, the customary ones first.
    void detectFormatOf(const QString& path);
    std::optional<DriveBus> freeBus(DriveType type) const;
    // Whether the running guest (if it runs) does not have the drive yet, so that all of it can be
    // chosen.
    bool isFree(const DriveSettings& drive) const;
    void buildPolicies();
    void attach(DriveSettings& drive, DriveBus bus, quint32 port);

    const Library& m_library;
    DiskNames* m_diskNames;
    QString m_mediaFolder;
    QList<DriveSettings> m_drives;
    QList<DriveSettings> m_loaded; // as the machine has them
    Liveness m_liveness = Liveness::Stopped;
    bool m_isLoading = false;
    QTreeWidget* m_list;
    QToolButton* m_addDisk;
    QToolButton* m_addOptical;
    QToolButton* m_remove;
    QGroupBox* m_attributes;
    QComboBox* m_bus;
    QComboBox* m_port;
    PathField* m_path;
    QToolButton* m_known;
    QComboBox* m_format;
    QCheckBox* m_readOnly;
    QComboBox* m_cache;
    QComboBox* m_onError;
    QComboBox* m_onFull;
    QLabel* m_information;
};

} // namespace vivarium
