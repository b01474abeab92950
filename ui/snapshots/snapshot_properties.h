#pragma once

#include "core/model/snapshot.h"
#include "ui/snapshots/snapshot_model.h"

#include <QScrollArea>

#include <optional>

class QDialogButtonBox;
class QLabel;
class QLineEdit;
class QPlainTextEdit;

namespace vivarium {

class DiskNames;
class InlineMessage;
class Library;
class SnapshotService;
class ThumbnailCache;

// The panel below the tree: name and description of a snapshot, which can be changed there, its
// picture, when it was taken and the hardware as it was; or the same of the current state. GUI
// thread.
class SnapshotProperties : public QScrollArea {
    Q_OBJECT
public:
    SnapshotProperties(const SnapshotService& service, Library& library, ThumbnailCache& thumbnails,
                       QWidget* parent = nullptr);

    void showSnapshot(const Snapshot& snapshot);
    void showCurrentState(const MachineId& machine, const CurrentState& state);
    void clear();
    void editName();

Q_SIGNALS:
    void changeRequested(const vivarium::MachineId& machine, const vivarium::SnapshotId& snapshot,
                         const QString& name, const QString& description);

protected:
    void changeEvent(QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    void retranslate();
    // What was typed and not applied is not lost when something else is selected.
    void applyChanges();
    void discardChanges();
    bool hasChanges() const;
    QString editedName() const;
    void check();
    void loadSettings();
    void showSettings();
    void showPicture();
    void setEditable(bool editable);

    const SnapshotService& m_service;
    const Library& m_library;
    ThumbnailCache& m_thumbnails;
    DiskNames* m_diskNames;
    std::optional<MachineSettings> m_hardware; // that is shown
    Snapshot m_snapshot;                       // null id: the current state
    CurrentState m_current;
    QLabel* m_picture;
    QLabel* m_nameLabel;
    QLineEdit* m_name;
    QLabel* m_takenLabel;
    QLabel* m_taken;
    QLabel* m_descriptionLabel;
    QPlainTextEdit* m_description;
    QLabel* m_settingsLabel;
    QLabel* m_settings;
    InlineMessage* m_problem;
    QDialogButtonBox* m_buttons;
};

} // namespace vivarium
