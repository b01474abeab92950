#pragma once

#include "core/database/library.h"
#include "core/disk_manager/disk_catalogue.h"
#include "core/jobs/image_jobs.h"
#include "ui/text/error_text.h"

#include <QDialog>
#include <QFutureWatcher>

#include <functional>

class QAction;
class QLabel;
class QProgressBar;
class QPushButton;
class QStackedWidget;
class QToolBar;
class QTreeView;

namespace vivarium {

class CurrentPreferences;
class DiskListModel;
class DiskNames;
class DiskRemovals;
class InlineMessage;
class NotificationCenter;

// The virtual disk manager: every disk and disc of the library and of the folders where images are
// kept, who uses it, and what can be done to it. One job at a time, with progress and cancel. GUI
// thread.
class DiskManagerWindow : public QDialog {
    Q_OBJECT
public:
    // `imageProgram`: what does the work, usually ImageTool::defaultProgram().
    DiskManagerWindow(Library& library, const CurrentPreferences& preferences,
                      const QString& imageProgram, QWidget* parent);
    ~DiskManagerWindow() override;

    DiskListModel& model() { return *m_model; }
    QTreeView* view() const { return m_view; }

    NotificationCenter& notifications() { return *m_notifications; }
    // Removed disks cannot be taken back any more.
    void finishRemovals();

    // Cancels the job that runs. When there is none it deletes what was removed and closes; stays
    // open to show what could not be deleted.
    void reject() override;

protected:
    void changeEvent(QEvent* event) override;

private:
    void buildToolBar();
    void retranslate();
    void reload();
    void updateUsage();
    void showImages();
    void removalsChanged();
    void inspect(const CatalogueEntry& entry);
    void updateActions();
    const CatalogueEntry* current() const;
    const control::ImageInfo* currentInfo() const;
    void refuse(Operation operation, const QString& path, const Error& error);

    void createImage();
    void copyImage();
    void resizeImage();
    void compactImage();
    void checkImage();
    void removeImage();

    // Shows `title` with progress until the job has ended, then its error or what `done` says.
    template <class T>
    void run(const QString& title, Operation operation, const QString& path,
             std::function<Result<T>(const ImageTool&, Progress&)> work,
             std::function<QString(const T&)> done);
    void begin(const QString& title, const QFuture<void>& job);
    void end(Operation operation, const QString& path, const Result<QString>& outcome);

    Library& m_library;
    const CurrentPreferences& m_preferences;
    QString m_imageProgram;
    ImageJobs m_jobs;
    QList<DiskLayer> m_layers;
    DiskUsage m_usage;
    QList<CatalogueEntry> m_images; // that were found; those removed are not shown
    DiskNames* m_names;
    NotificationCenter* m_notifications;
    DiskRemovals* m_removals;
    bool m_closes = false; // once the removed disks are deleted
    DiskListModel* m_model;
    QTreeView* m_view;
    QStackedWidget* m_pages;
    QLabel* m_empty;
    QToolBar* m_toolBar;
    QAction* m_create;
    QAction* m_copy;
    QAction* m_resize;
    QAction* m_compact;
    QAction* m_check;
    QAction* m_remove;
    QAction* m_refresh;
    InlineMessage* m_message;
    QWidget* m_jobStrip;
    QLabel* m_jobTitle;
    QProgressBar* m_progress;
    QPushButton* m_cancel;
    QPushButton* m_close;
    QFuture<void> m_job;
};

} // namespace vivarium
