#pragma once

#include "ui/machine_settings/settings_page.h"

class QCheckBox;
class QComboBox;
class QGroupBox;
class QLabel;
class QToolButton;
class QTreeWidget;

namespace vivarium {

class Library;
class PathField;
struct Preferences;

// The SATA controller's drives. The medium of an optical drive can be changed while the machine
// runs, nothing else.
class StoragePage : public SettingsPage {
    Q_OBJECT
public:
    StoragePage(const Library& library, const Preferences& preferences, QWidget* parent = nullptr);
    void load(const Machine& machine) override;
    void store(Machine& machine) const override;
    void setLiveness(Liveness liveness) override;

    // Adds a hard disk, for example one that was just created.
    void addHardDisk(const QString& path);

Q_SIGNALS:
    // The user wants a new disk; the dialog makes it and calls addHardDisk().
    void diskWanted();

private:
    static constexpr quint32 kPortCount = 6;

    void buildList();
    void buildAttributes(const Library& library, const Preferences& preferences);
    void rebuildList(int selected);
    void showDrive();
    void changeDrive();
    void addDrive(DriveType type, const QString& path);
    void removeDrive();
    int currentRow() const;
    int firstFreePort() const;

    QString m_mediaFolder;
    QList<DriveSettings> m_drives;
    Liveness m_liveness = Liveness::Stopped;
    bool m_isLoading = false;
    QTreeWidget* m_list;
    QToolButton* m_addDisk;
    QToolButton* m_addOptical;
    QToolButton* m_remove;
    QGroupBox* m_attributes;
    QComboBox* m_port;
    PathField* m_path;
    QToolButton* m_known;
    QCheckBox* m_readOnly;
    QLabel* m_information;
};

} // namespace vivarium
