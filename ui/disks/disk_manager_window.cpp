#include "ui/disks/disk_manager_window.h"

#include "ui/disks/disk_list_model.h"
#include "ui/disks/disk_removals.h"
#include "ui/disks/image_dialog.h"
#include "ui/text/machine_text.h"
#include "ui/widgets/background.h"
#include "ui/widgets/current_preferences.h"
#include "ui/widgets/disk_names.h"
#include "ui/widgets/future_reply.h"
#include "ui/widgets/icons.h"
#include "ui/widgets/inline_message.h"
#include "ui/widgets/notification_center.h"

#include <QAction>
#include <QDir>
#include <QEvent>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QStackedWidget>
#include <QToolBar>
#include <QTreeView>
#include <QVBoxLayout>

namespace vivarium {

using control::ImageKind;

namespace {

constexpr uint64_t kSuggestedBytes = 20ull << 30;

// "Name.qcow2", "Name 2.qcow2", ... whichever is not there yet.
QString freePath(const QString& folder, const QString& name, const QString& suffix) {
    for (int number = 1;; ++number) {
        const QString file = number == 1
                                 ? name + suffix
                                 : QStringLiteral("%1 %2%3").arg(name).arg(number).arg(suffix);
        const QString path = QDir(folder).filePath(file);
        if (!QFileInfo::exists(path))
            return path;
    }
}

DiskFile diskFile(const QString& path, ImageKind kind) {
    return {path, kind == ImageKind::Qcow2 ? control::DiskFormat::Qcow2 : control::DiskFormat::Raw};
}

QString fileName(const QString& path) {
    return QFileInfo(path).fileName();
}

} // namespace

DiskManagerWindow::DiskManagerWindow(Library& library, const CurrentPreferences& preferences,
                                     const QString& imageProgram, QWidget* parent)
    : QDialog(parent), m_library(library), m_preferences(preferences), m_imageProgram(imageProgram),
      m_jobs(ImageTool(imageProgram)), m_names(new DiskNames(library, this)),
      m_notifications(new NotificationCenter(this)),
      m_removals(new DiskRemovals(m_jobs, m_usage, *m_notifications, this)),
      m_model(new DiskListModel(this)), m_view(new QTreeView(this)),
      m_pages(new QStackedWidget(this)), m_empty(new QLabel(this)), m_toolBar(new QToolBar(this)),
      m_message(new InlineMessage(this)), m_jobStrip(new QWidget(this)),
      m_jobTitle(new QLabel(m_jobStrip)), m_progress(new QProgressBar(m_jobStrip)),
      m_cancel(new QPushButton(m_jobStrip)), m_close(new QPushButton(this)) {
    setAttribute(Qt::WA_DeleteOnClose);
    setWindowFlag(Qt::WindowMaximizeButtonHint);
    resize(820, 460);
    m_model->setNames(m_names);
    m_view->setModel(m_model);
    m_view->setRootIsDecorated(false);
    m_view->setUniformRowHeights(true);
    m_view->setAlternatingRowColors(true);
    m_view->setContextMenuPolicy(Qt::ActionsContextMenu);
    m_view->header()->setStretchLastSection(true);
    m_view->header()->resizeSection(DiskListModel::Name, 280);
    m_empty->setAlignment(Qt::AlignCenter);
    m_empty->setWordWrap(true);
    m_empty->setForegroundRole(QPalette::PlaceholderText);
    m_pages->addWidget(m_view);
    m_pages->addWidget(m_empty);
    m_progress->setRange(0, kProgressSteps);
    auto* strip = new QHBoxLayout(m_jobStrip);
    strip->setContentsMargins(0, 0, 0, 0);
    strip->addWidget(m_jobTitle);
    strip->addWidget(m_progress, 1);
    strip->addWidget(m_cancel);
    m_jobStrip->hide();
    auto* bottom = new QHBoxLayout;
    bottom->addWidget(m_jobStrip, 1);
    bottom->addStretch();
    bottom->addWidget(m_close);
    buildToolBar();
    auto* layout = new QVBoxLayout(this);
    layout->addWidget(m_toolBar);
    layout->addWidget(m_pages, 1);
    layout->addWidget(m_message);
    layout->addWidget(m_notifications);
    layout->addLayout(bottom);
    connect(m_close, &QPushButton::clicked, this, &DiskManagerWindow::reject);
    connect(m_cancel, &QPushButton::clicked, this, [this] { m_job.cancel(); });
    connect(m_removals, &DiskRemovals::removed, this, [this](const QString& path) {
        m_images.removeIf([&path](const CatalogueEntry& image) { return image.path == path; });
    });
    connect(m_removals, &DiskRemovals::failed, this, [this] { m_closes = false; });
    connect(m_removals, &DiskRemovals::pendingChanged, this, &DiskManagerWindow::removalsChanged);
    connect(m_view->selectionModel(), &QItemSelectionModel::currentChanged, this,
            &DiskManagerWindow::updateActions);
    connect(m_model, &QAbstractItemModel::modelReset, this, &DiskManagerWindow::updateActions);
    connect(m_model, &QAbstractItemModel::dataChanged, this, &DiskManagerWindow::updateActions);
    for (auto signal : {&Library::machineAdded, &Library::machineRemoved, &Library::machineChanged})
        connect(&library, signal, this, &DiskManagerWindow::reload);
    retranslate();
    updateActions();
    reload();
}

DiskManagerWindow::~DiskManagerWindow() = default;

void DiskManagerWindow::buildToolBar() {
    m_toolBar->setToolButtonStyle(Qt::ToolButtonTextUnderIcon);
    m_toolBar->setIconSize({24, 24});
    const auto make = [this](const char16_t* name, const char16_t* icon,
                             const QKeySequence& shortcut, auto slot) {
        auto* action = new QAction(applicationIcon(QString::fromUtf16(icon)), QString(), this);
        action->setObjectName(QString::fromUtf16(name));
        action->setShortcut(shortcut);
        connect(action, &QAction::triggered, this, slot);
        m_toolBar->addAction(action);
        m_view->addAction(action);
        return action;
    };
    m_create =
        make(u"createDisk", u"hard-disk", QKeySequence::New, &DiskManagerWindow::createImage);
    m_copy = make(u"copyDisk", u"machine-add", Qt::CTRL | Qt::Key_C, &DiskManagerWindow::copyImage);
    m_resize = make(u"resizeDisk", u"fullscreen", {}, &DiskManagerWindow::resizeImage);
    m_compact = make(u"compactDisk", u"minimize", {}, &DiskManagerWindow::compactImage);
    m_check = make(u"checkDisk", u"search", {}, &DiskManagerWindow::checkImage);
    m_remove = make(u"removeDisk", u"machine-remove", QKeySequence::Delete,
                    &DiskManagerWindow::removeImage);
    m_toolBar->addSeparator();
    m_refresh =
        make(u"refreshDisks", u"refresh", QKeySequence::Refresh, &DiskManagerWindow::reload);
}

void DiskManagerWindow::retranslate() {
    setWindowTitle(tr("Virtual Disk Manager"));
    const auto text = [](QAction* action, const QString& name, const QString& toolTip) {
        action->setText(name);
        action->setToolTip(toolTip);
    };
    text(m_create, tr("Create…"), tr("Makes a new hard disk image"));
    text(m_copy, tr("Copy…"), tr("Copies the disk to a new image, of any format"));
    text(m_resize, tr("Resize…"), tr("Makes the disk larger"));
    text(m_compact, tr("Compact"), tr("Gives space that the disk does not need back to the host"));
    text(m_check, tr("Check"), tr("Looks for errors in the image"));
    text(m_remove, tr("Remove"), tr("Deletes the image file"));
    text(m_refresh, tr("Refresh"), tr("Looks at all files again"));
    m_empty->setText(tr("There are no disks yet.\nA machine's disks appear here, and so do images "
                        "in the folder %1.")
                         .arg(m_preferences.machinesFolder()));
    m_view->setAccessibleName(tr("Disks"));
    m_progress->setAccessibleName(tr("Progress"));
    m_cancel->setText(tr("Cancel"));
    m_close->setText(tr("Close"));
    m_model->retranslate();
}

void DiskManagerWindow::changeEvent(QEvent* event) {
    if (event->type() == QEvent::LanguageChange)
        retranslate();
    QDialog::changeEvent(event);
}

// --- The list --------------------------------------------------------------------------------

void DiskManagerWindow::reload() {
    updateUsage(); // machines are known at once, layers a moment later
    whenReplied(this, m_library.layers(), [this](const Result<QList<DiskLayer>>& layers) {
        m_layers = layers ? *layers : QList<DiskLayer>();
        updateUsage();
    });
    whenFinished(this,
                 computeInBackground([machines = m_library.machines(),
                                      folder = m_preferences.machinesFolder(),
                                      extra = m_preferences.value().mediaFolder] {
                     return listImages(machines, folder, extra);
                 }),
                 [this](const QFuture<QList<CatalogueEntry>>& list) {
                     m_images = list.result();
                     showImages();
                 });
}

void DiskManagerWindow::updateUsage() {
    m_usage = DiskUsage(m_library.machines(), m_layers);
    m_jobs.setTool(ImageTool(m_imageProgram, m_usage.userOf()));
}

void DiskManagerWindow::showImages() {
    const CatalogueEntry* selected = current();
    const QString path = selected ? selected->path : QString();
    QList<CatalogueEntry> shown = m_images;
    shown.removeIf([&removed = m_removals->pending()](const CatalogueEntry& image) {
        return removed.contains(image.path);
    });
    m_model->setEntries(std::move(shown));
    m_pages->setCurrentWidget(m_model->rowCount() > 0 ? static_cast<QWidget*>(m_view) : m_empty);
    const QModelIndex again = m_model->indexOf(path);
    m_view->setCurrentIndex(again.isValid() ? again : m_model->index(0, 0));
    for (const CatalogueEntry& entry : m_model->entries())
        if (entry.exists && entry.type == DriveType::HardDisk)
            inspect(entry);
    updateActions();
}

void DiskManagerWindow::inspect(const CatalogueEntry& entry) {
    const auto work = [path = entry.path, kind = entry.kind](const ImageTool& tool,
                                                             Progress& progress) {
        return tool.info(path, kind, progress);
    };
    whenReplied(
        this, m_jobs.run<control::ImageInfo>(work),
        [this, path = entry.path](const Result<control::ImageInfo>& info) {
            if (info)
                m_model->setInfo(path, *info);
            else
                m_model->setUnreadable(
                    path,
                    describeError(Operation::ReadImage, m_names->name(path), info.error()).body());
        });
}

const CatalogueEntry* DiskManagerWindow::current() const {
    return m_model->entry(m_view->currentIndex());
}

const control::ImageInfo* DiskManagerWindow::currentInfo() const {
    return m_model->info(m_view->currentIndex());
}

void DiskManagerWindow::updateActions() {
    const CatalogueEntry* entry = current();
    const control::ImageInfo* info = currentInfo();
    const bool idle = !m_job.isRunning();
    const bool own = info && !control::isForeign(info->kind);
    m_create->setEnabled(idle);
    m_copy->setEnabled(idle && info);
    m_resize->setEnabled(idle && own);
    m_compact->setEnabled(idle && own);
    m_check->setEnabled(idle && info && info->kind == ImageKind::Qcow2);
    m_remove->setEnabled(idle && entry && entry->exists);
}

// --- Jobs ------------------------------------------------------------------------------------

template <class T>
void DiskManagerWindow::run(const QString& title, Operation operation, const QString& path,
                            std::function<Result<T>(const ImageTool&, Progress&)> work,
                            std::function<QString(const T&)> done) {
    const QFuture<Result<T>> future = m_jobs.run<T>(std::move(work));
    begin(title, QFuture<void>(future));
    auto* watcher = new QFutureWatcher<Result<T>>(this);
    connect(watcher, &QFutureWatcherBase::progressValueChanged, m_progress,
            &QProgressBar::setValue);
    connect(watcher, &QFutureWatcherBase::finished, this,
            [this, watcher, operation, path, done = std::move(done)] {
                watcher->deleteLater();
                const Result<T> result = takeReply(watcher->future());
                end(operation, path, result ? Result<QString>(done(*result)) : result.error());
            });
    watcher->setFuture(future);
}

void DiskManagerWindow::begin(const QString& title, const QFuture<void>& job) {
    m_job = job;
    m_message->clear();
    m_jobTitle->setText(title);
    m_progress->setValue(0);
    m_jobStrip->show();
    updateActions();
}

void DiskManagerWindow::end(Operation operation, const QString& path,
                            const Result<QString>& outcome) {
    m_job = {};
    m_jobStrip->hide();
    if (outcome && !outcome->isEmpty())
        m_message->show(InlineMessage::Level::Hint, *outcome);
    else if (!outcome && outcome.error().code != ErrorCode::Cancelled)
        refuse(operation, path, outcome.error());
    updateActions();
    reload();
}

void DiskManagerWindow::refuse(Operation operation, const QString& path, const Error& error) {
    const UserMessage text = describeError(operation, m_names->name(path), error);
    m_message->show(InlineMessage::Level::Error,
                    text.title + u' ' + (text.detail.isEmpty() ? text.body() : text.detail));
}

void DiskManagerWindow::reject() {
    if (m_job.isRunning()) {
        m_job.cancel(); // stays open: the job cleans up
        return;
    }
    m_closes = true;
    finishRemovals();
    if (m_removals->pending().isEmpty())
        QDialog::reject();
}

void DiskManagerWindow::createImage() {
    ImageDialog::Choice initial;
    initial.path = freePath(m_preferences.machinesFolder(), tr("Disk"), QStringLiteral(".qcow2"));
    initial.diskBytes = kSuggestedBytes;
    auto* dialog = new ImageDialog(ImageDialog::Purpose::Create, initial, this);
    connect(dialog, &QDialog::accepted, this, [this, dialog] {
        const ImageDialog::Choice choice = dialog->choice();
        control::ImageShape shape;
        shape.format = choice.format;
        shape.diskBytes = choice.diskBytes;
        if (choice.preallocate)
            shape.preallocation = control::ImagePreallocation::Falloc;
        // From void to a value, so that one function shows all jobs.
        run<bool>(
            tr("Creating %1…").arg(fileName(choice.path)), Operation::CreateDisk, choice.path,
            [=](const ImageTool& tool, Progress& progress) -> Result<bool> {
                TRY(tool.create(choice.path, shape, progress));
                return true;
            },
            [](bool) { return QString(); });
    });
    dialog->open();
}

void DiskManagerWindow::copyImage() {
    const CatalogueEntry* entry = current();
    const control::ImageInfo* info = currentInfo();
    if (!entry || !info)
        return;
    const QFileInfo file(m_names->base(entry->path)); // not beside a snapshot's layers
    ImageDialog::Choice initial;
    initial.path = freePath(file.absolutePath(), tr("%1 Copy").arg(file.completeBaseName()),
                            QStringLiteral(".qcow2"));
    auto* dialog = new ImageDialog(ImageDialog::Purpose::Copy, initial, this);
    dialog->setWindowTitle(tr("Copy “%1”").arg(file.fileName()));
    connect(
        dialog, &QDialog::accepted, this, [this, dialog, path = entry->path, kind = info->kind] {
            const ImageDialog::Choice choice = dialog->choice();
            run<bool>(
                tr("Copying %1…").arg(m_names->name(path)), Operation::CopyDisk, path,
                [=](const ImageTool& tool, Progress& progress) -> Result<bool> {
                    ImageTool::ConvertOptions options;
                    options.shape.format = choice.format;
                    if (control::isForeign(kind))
                        TRY(tool.convertForeign(path, kind, choice.path, options.shape, progress));
                    else
                        TRY(tool.convert(diskFile(path, kind), choice.path, options, progress));
                    return true;
                },
                [name = fileName(choice.path)](bool) {
                    return tr("The disk was copied to “%1”.").arg(name);
                });
        });
    dialog->open();
}

void DiskManagerWindow::resizeImage() {
    const CatalogueEntry* entry = current();
    const control::ImageInfo* info = currentInfo();
    if (!entry || !info)
        return;
    const DiskFile file = diskFile(entry->path, info->kind);
    if (const auto allowed = m_usage.mayChange(file.path); !allowed) {
        refuse(Operation::ResizeDisk, file.path, allowed.error());
        return;
    }
    ImageDialog::Choice initial;
    initial.path = file.path;
    initial.diskBytes = info->diskBytes;
    auto* dialog = new ImageDialog(ImageDialog::Purpose::Resize, initial, this);
    dialog->setWindowTitle(tr("Resize “%1”").arg(m_names->name(file.path)));
    connect(dialog, &QDialog::accepted, this, [this, dialog, file] {
        const uint64_t bytes = dialog->choice().diskBytes;
        run<bool>(
            tr("Resizing %1…").arg(m_names->name(file.path)), Operation::ResizeDisk, file.path,
            [=](const ImageTool& tool, Progress& progress) -> Result<bool> {
                TRY(tool.resize(file, bytes, control::ImageShrink::Refuse, progress));
                return true;
            },
            [bytes](bool) {
                return tr("The disk has %1 now. Its partitions are the guest's to enlarge.")
                    .arg(sizeText(bytes));
            });
    });
    dialog->open();
}

void DiskManagerWindow::compactImage() {
    const CatalogueEntry* entry = current();
    const control::ImageInfo* info = currentInfo();
    if (!entry || !info)
        return;
    const DiskFile file = diskFile(entry->path, info->kind);
    run<control::CompactResult>(
        tr("Compacting %1…").arg(m_names->name(file.path)), Operation::CompactDisk, file.path,
        [=](const ImageTool& tool, Progress& progress) { return tool.compact(file, progress); },
        [](const control::CompactResult& result) {
            return tr("The image took %1 and takes %2 now.")
                .arg(sizeText(result.bytesBefore), sizeText(result.bytesAfter));
        });
}

void DiskManagerWindow::checkImage() {
    const CatalogueEntry* entry = current();
    if (!entry)
        return;
    const QString path = entry->path;
    run<control::ImageCheck>(
        tr("Checking %1…").arg(m_names->name(path)), Operation::CheckDisk, path,
        [=](const ImageTool& tool, Progress& progress) {
            return tool.check(path, control::ImageRepair::None, progress);
        },
        [name = m_names->name(path)](const control::ImageCheck& check) {
            if (check.corruptions > 0)
                return tr("“%1” is damaged: %2 errors were found. Make a copy of it, then "
                          "repair it with “viv disk check --repair all”.")
                    .arg(name)
                    .arg(check.corruptions);
            if (check.leaks > 0)
                return tr("“%1” is sound, but wastes some space; compacting gives it back.")
                    .arg(name);
            return tr("“%1” has no errors.").arg(name);
        });
}

void DiskManagerWindow::removeImage() {
    const CatalogueEntry* entry = current();
    if (!entry)
        return;
    const QString path = entry->path;
    if (const auto allowed = m_usage.mayRemove(path); !allowed) {
        refuse(Operation::RemoveDisk, path, allowed.error());
        return;
    }
    m_message->clear(); // what was refused before
    m_removals->add(path, m_names->name(path));
}

void DiskManagerWindow::finishRemovals() {
    m_removals->finish();
}

void DiskManagerWindow::removalsChanged() {
    if (m_closes && m_removals->pending().isEmpty()) {
        QDialog::reject();
        return;
    }
    showImages();
    reload();
}

} // namespace vivarium
