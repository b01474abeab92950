#include "ui/snapshots/snapshot_pane.h"

#include "core/database/library.h"
#include "core/snapshots/snapshot_service.h"
#include "core/supervisor/supervisor.h"
#include "ui/snapshots/snapshot_model.h"
#include "ui/snapshots/snapshot_operations.h"
#include "ui/snapshots/snapshot_prompts.h"
#include "ui/snapshots/snapshot_properties.h"
#include "ui/snapshots/thumbnail_cache.h"
#include "ui/snapshots/timeline_bar.h"
#include "ui/snapshots/timeline_slider.h"
#include "ui/widgets/icons.h"

#include <QAction>
#include <QEvent>
#include <QHeaderView>
#include <QLabel>
#include <QMenu>
#include <QPushButton>
#include <QSettings>
#include <QSplitter>
#include <QStackedWidget>
#include <QToolBar>
#include <QTreeView>
#include <QVBoxLayout>

namespace vivarium {

namespace {

constexpr int kMinuteMs = 60'000;
constexpr int kToolBarIconSize = 24;
constexpr QSize kThumbnailSize(40, 30);
constexpr int kTextWidth = 440;
// Below this nothing is expanded by itself: a tree view lays out what is open recursively.
constexpr int kMaxExpandedDepth = 200;

} // namespace

SnapshotPane::SnapshotPane(SnapshotService& service, Library& library, Supervisor& supervisor,
                           SnapshotOperations& operations, SnapshotPrompts& prompts,
                           QWidget* parent)
    : QWidget(parent), m_service(service), m_library(library), m_supervisor(supervisor),
      m_operations(operations), m_prompts(prompts), m_thumbnails(new ThumbnailCache(this)),
      m_model(new SnapshotModel(*m_thumbnails, this)), m_pages(new QStackedWidget(this)),
      m_splitter(new QSplitter(Qt::Vertical, this)), m_toolBar(new QToolBar(this)) {
    buildActions(); // the order in which widgets are made is that of the tab key
    m_tree = new QTreeView(this);
    m_properties = new SnapshotProperties(service, library, *m_thumbnails, this);
    buildTree();
    m_timeline = new TimelineBar(*m_thumbnails, this);
    connect(m_timeline->slider(), &TimelineSlider::chosenByUser, this, &SnapshotPane::select);
    connect(m_timeline, &TimelineBar::settingsRequested, this,
            [this] { m_prompts.timeline(m_machine); });
    connect(m_timeline, &TimelineBar::restoreRequested, m_restore, &QAction::trigger);
    m_splitter->addWidget(m_tree);
    m_splitter->addWidget(m_properties);
    m_splitter->setStretchFactor(0, 3);
    m_splitter->setStretchFactor(1, 2);
    m_splitter->setChildrenCollapsible(false);
    auto* moments = new QWidget(m_pages);
    auto* momentsLayout = new QVBoxLayout(moments);
    momentsLayout->setContentsMargins(0, 0, 0, 0);
    momentsLayout->setSpacing(0);
    momentsLayout->addWidget(m_timeline);
    momentsLayout->addWidget(m_splitter, 1);
    m_pages->addWidget(buildEmptyPage());
    m_pages->addWidget(moments);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(m_toolBar);
    layout->addWidget(m_pages, 1);

    m_clock.setInterval(kMinuteMs);
    connect(&m_clock, &QTimer::timeout, m_model, &SnapshotModel::updateTimes);
    const auto refreshOwn = [this](const MachineId& changed) {
        if (changed == m_machine && isVisible())
            refresh();
    };
    connect(&service, &SnapshotService::changed, this, refreshOwn);
    connect(&supervisor, &Supervisor::statusChanged, this, refreshOwn);
    connect(&library, &Library::machineChanged, this,
            [this, refreshOwn](int index) { refreshOwn(m_library.machines().at(index).id); });
    connect(&operations, &SnapshotOperations::shownChanged, this, refreshOwn);
    connect(&operations, &SnapshotOperations::busyChanged, this,
            [this, refreshOwn](const MachineId& changed) {
                if (m_operations.isBusy(changed))
                    updateActions();
                else
                    refreshOwn(changed);
            });
    connect(m_properties, &SnapshotProperties::changeRequested, &operations,
            &SnapshotOperations::describe);
    retranslate();
    updateActions();
}

void SnapshotPane::buildActions() {
    const auto make = [this](const char16_t* icon, int key, auto act) {
        auto* action = new QAction(applicationIcon(QString::fromUtf16(icon)), QString(), this);
        action->setShortcut(QKeySequence(QKeyCombination(Qt::CTRL | Qt::SHIFT, Qt::Key(key))));
        connect(action, &QAction::triggered, this, [act](bool) { act(); });
        addAction(action); // its shortcut works while the pane is on the screen
        return action;
    };
    m_take = make(u"snapshot-take", Qt::Key_T, [this] { m_prompts.take(m_machine); });
    m_delete = make(u"snapshot-delete", Qt::Key_D,
                    [this] { m_prompts.remove(m_machine, selectedSnapshot()); });
    m_restore = make(u"snapshot-restore", Qt::Key_R,
                     [this] { m_prompts.restore(m_machine, selectedSnapshot()); });
    m_showProperties = make(u"snapshot-properties", Qt::Key_Space, [this] {
        m_properties->setVisible(m_showProperties->isChecked());
        showSelection();
    });
    m_showProperties->setCheckable(true);
    m_showProperties->setChecked(true);
    m_clone = make(u"machine-clone", Qt::Key_C,
                   [this] { m_prompts.clone(m_machine, selectedSnapshot()); });
    m_showTimeline = make(u"snapshot-automatic", Qt::Key_L,
                          [this] { m_timeline->setVisible(m_showTimeline->isChecked()); });
    m_showTimeline->setCheckable(true);
    m_showTimeline->setChecked(true);
    m_toolBar->setIconSize(QSize(kToolBarIconSize, kToolBarIconSize));
    m_toolBar->setToolButtonStyle(Qt::ToolButtonTextUnderIcon);
    m_toolBar->addActions({m_take, m_delete, m_restore, m_showProperties, m_clone, m_showTimeline});
}

QWidget* SnapshotPane::buildEmptyPage() {
    auto* page = new QWidget(m_pages);
    auto* picture = new QLabel(page);
    picture->setPixmap(applicationIcon(QStringLiteral("snapshot")).pixmap(96, 96));
    m_emptyTitle = new QLabel(page);
    QFont large = m_emptyTitle->font();
    large.setPointSizeF(large.pointSizeF() * 1.4);
    large.setBold(true);
    m_emptyTitle->setFont(large);
    m_emptyText = new QLabel(page);
    m_emptyText->setWordWrap(true);
    m_emptyText->setAlignment(Qt::AlignCenter);
    m_emptyText->setFixedWidth(kTextWidth);
    m_emptyTake = new QPushButton(page);
    m_emptyTake->setObjectName(QStringLiteral("takeFirst"));
    m_emptyTake->setIcon(applicationIcon(QStringLiteral("snapshot-take")));
    m_emptyTake->setIconSize(QSize(24, 24));
    connect(m_emptyTake, &QPushButton::clicked, m_take, &QAction::trigger);
    m_emptyTimeline = new QPushButton(page);
    m_emptyTimeline->setObjectName(QStringLiteral("emptyTimeline"));
    m_emptyTimeline->setIcon(applicationIcon(QStringLiteral("snapshot-automatic")));
    m_emptyTimeline->setIconSize(QSize(24, 24));
    connect(m_emptyTimeline, &QPushButton::clicked, this,
            [this] { m_prompts.timeline(m_machine); });
    auto* layout = new QVBoxLayout(page);
    layout->addStretch(2);
    layout->addWidget(picture, 0, Qt::AlignHCenter);
    layout->addWidget(m_emptyTitle, 0, Qt::AlignHCenter);
    layout->addSpacing(8);
    layout->addWidget(m_emptyText, 0, Qt::AlignHCenter);
    layout->addSpacing(16);
    layout->addWidget(m_emptyTake, 0, Qt::AlignHCenter);
    layout->addSpacing(4);
    layout->addWidget(m_emptyTimeline, 0, Qt::AlignHCenter);
    layout->addStretch(3);
    return page;
}

void SnapshotPane::buildTree() {
    m_tree->setModel(m_model);
    m_tree->setIconSize(kThumbnailSize);
    m_tree->setUniformRowHeights(true);
    m_tree->setExpandsOnDoubleClick(false);
    m_tree->setContextMenuPolicy(Qt::CustomContextMenu);
    m_tree->setFrameShape(QFrame::NoFrame);
    m_tree->header()->setStretchLastSection(false);
    m_tree->header()->setSectionResizeMode(SnapshotModel::NameColumn, QHeaderView::Stretch);
    m_tree->header()->setSectionResizeMode(SnapshotModel::TimeColumn,
                                           QHeaderView::ResizeToContents);
    connect(m_model, &QAbstractItemModel::modelReset, this, &SnapshotPane::expandAsBefore);
    connect(m_tree->selectionModel(), &QItemSelectionModel::currentChanged, this,
            &SnapshotPane::showSelection);
    connect(m_tree, &QTreeView::customContextMenuRequested, this, &SnapshotPane::showContextMenu);
    connect(m_tree, &QTreeView::doubleClicked, this, [this] {
        if (!m_showProperties->isChecked())
            m_showProperties->trigger();
        m_properties->editName();
    });
    connect(m_tree, &QTreeView::collapsed, this, [this](const QModelIndex& index) {
        m_collapsed.insert(index.data(SnapshotModel::IdRole).value<SnapshotId>());
    });
    connect(m_tree, &QTreeView::expanded, this, [this](const QModelIndex& index) {
        m_collapsed.remove(index.data(SnapshotModel::IdRole).value<SnapshotId>());
    });
}

void SnapshotPane::setMachine(const MachineId& machine) {
    if (machine == m_machine)
        return;
    m_machine = machine;
    m_collapsed.clear();
    m_properties->clear();
    m_model->setTree({}, {}); // the next machine's tree begins at its current state
    if (isVisible())
        refresh();
    else
        updateActions();
}

SnapshotId SnapshotPane::selectedSnapshot() const {
    return m_tree->currentIndex().data(SnapshotModel::IdRole).value<SnapshotId>();
}

void SnapshotPane::select(const SnapshotId& snapshot) {
    const QModelIndex index = m_model->indexOf(snapshot);
    m_tree->setCurrentIndex(index.isValid() ? index : m_model->currentStateIndex());
}

CurrentState SnapshotPane::currentState() const {
    CurrentState current;
    current.snapshot = m_operations.shown(m_machine).current;
    current.changed = m_service.currentStateChanged(m_machine);
    current.machineState = m_supervisor.status(m_machine).state;
    current.thumbnailPath = m_service.savedThumbnailPath(m_machine);
    return current;
}

void SnapshotPane::refresh() {
    const SnapshotId selected = selectedSnapshot();
    const QList<Snapshot> snapshots = m_operations.shown(m_machine).snapshots;
    m_model->setTree(snapshots, currentState());
    m_timeline->slider()->setSnapshots(snapshots);
    m_timeline->setSettings(m_service.timeline(m_machine));
    m_pages->setCurrentIndex(snapshots.isEmpty() ? 0 : 1);
    if (selectedSnapshot() != selected || !m_tree->currentIndex().isValid()) {
        select(selected);
        m_tree->scrollTo(m_tree->currentIndex());
    }
    showSelection();
}

void SnapshotPane::expandAsBefore() {
    const QSignalBlocker quiet(m_tree); // these are not the user's doing
    m_tree->expandToDepth(kMaxExpandedDepth);
    for (const SnapshotId& id : std::as_const(m_collapsed))
        if (const QModelIndex index = m_model->indexOf(id); index.isValid())
            m_tree->collapse(index);
}

void SnapshotPane::showSelection() {
    updateActions();
    m_timeline->slider()->choose(selectedSnapshot());
    if (!m_showProperties->isChecked())
        return;
    const QModelIndex selected = m_tree->currentIndex();
    if (const Snapshot* snapshot = m_model->snapshotAt(selected)) {
        m_properties->showSnapshot(*snapshot);
    } else if (selected.isValid()) {
        m_properties->showCurrentState(m_machine, currentState());
    } else {
        m_properties->clear();
    }
}

void SnapshotPane::updateActions() {
    const bool known = m_library.find(m_machine) != nullptr;
    const bool busy = m_operations.isBusy(m_machine);
    const MachineState state = m_supervisor.status(m_machine).state;
    const bool moving = state == MachineState::Starting || state == MachineState::Stopping;
    const bool isTemplate = known && m_service.isTemplate(m_machine);
    const bool snapshot = !selectedSnapshot().isNull();
    const bool free = known && !busy && !moving;
    m_take->setEnabled(free && !isTemplate);
    m_emptyTake->setEnabled(m_take->isEnabled());
    m_restore->setEnabled(free && !isTemplate && snapshot);
    m_timeline->setRestorable(m_restore->isEnabled());
    m_emptyTimeline->setEnabled(known && !isTemplate);
    m_showTimeline->setEnabled(known && m_model->rowCount() > 0);
    m_delete->setEnabled(known && !busy && snapshot);
    m_clone->setEnabled(free);
    m_showProperties->setEnabled(known && m_model->rowCount() > 0);
}

void SnapshotPane::showContextMenu(const QPoint& position) {
    QMenu menu(this);
    if (!selectedSnapshot().isNull()) {
        menu.addActions({m_restore, m_delete});
        menu.addSeparator();
        menu.addActions({m_clone, m_showProperties});
    } else {
        menu.addActions({m_take, m_clone, m_showProperties});
    }
    menu.exec(m_tree->viewport()->mapToGlobal(position));
}

void SnapshotPane::saveLayout(QSettings& settings) const {
    settings.setValue(QStringLiteral("snapshotSplitter"), m_splitter->saveState());
    settings.setValue(QStringLiteral("snapshotProperties"), m_showProperties->isChecked());
    settings.setValue(QStringLiteral("snapshotTimeline"), m_showTimeline->isChecked());
}

void SnapshotPane::restoreLayout(const QSettings& settings) {
    m_splitter->restoreState(settings.value(QStringLiteral("snapshotSplitter")).toByteArray());
    m_showProperties->setChecked(
        settings.value(QStringLiteral("snapshotProperties"), true).toBool());
    m_properties->setVisible(m_showProperties->isChecked());
    m_showTimeline->setChecked(settings.value(QStringLiteral("snapshotTimeline"), true).toBool());
    m_timeline->setVisible(m_showTimeline->isChecked());
}

void SnapshotPane::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    refresh();
    m_model->updateTimes();
    m_clock.start();
}

void SnapshotPane::hideEvent(QHideEvent* event) {
    QWidget::hideEvent(event);
    m_clock.stop();
}

void SnapshotPane::changeEvent(QEvent* event) {
    if (event->type() == QEvent::LanguageChange)
        retranslate();
    QWidget::changeEvent(event);
}

void SnapshotPane::retranslate() {
    const auto text = [](QAction* action, const QString& name, const QString& toolTip) {
        action->setText(name);
        action->setToolTip(toolTip + QStringLiteral(" (%1)").arg(
                                         action->shortcut().toString(QKeySequence::NativeText)));
    };
    text(m_take, tr("&Take…"), tr("Keeps the machine exactly as it is now"));
    m_take->setIconText(tr("Take"));
    text(m_delete, tr("&Delete…"), tr("Removes the selected snapshot"));
    m_delete->setIconText(tr("Delete"));
    text(m_restore, tr("&Restore…"), tr("Takes the machine back to the selected snapshot"));
    m_restore->setIconText(tr("Restore"));
    text(m_showProperties, tr("&Properties"), tr("Shows what is known of the selected snapshot"));
    m_showProperties->setIconText(tr("Properties"));
    text(m_clone, tr("&Clone…"), tr("Makes a new machine of the selected snapshot or state"));
    m_clone->setIconText(tr("Clone"));
    text(m_showTimeline, tr("Time&line"),
         tr("Shows the snapshots by time, and when they are taken automatically"));
    m_showTimeline->setIconText(tr("Timeline"));
    m_emptyTitle->setText(tr("No snapshots yet"));
    m_emptyText->setText(
        tr("A snapshot keeps the machine exactly as it is at one moment: its disks, its settings "
           "and, while it runs, its memory and screen. Take one before you try something; you can "
           "go back to it at any time, as often as you like."));
    // A label that wraps in the middle of a column does not ask for the height that it needs.
    m_emptyText->setFixedHeight(m_emptyText->heightForWidth(kTextWidth));
    m_emptyTake->setText(tr("Take Snapshot…"));
    m_emptyTimeline->setText(tr("Take Snapshots Automatically…"));
    m_tree->setAccessibleName(tr("Snapshots"));
    m_toolBar->setWindowTitle(tr("Snapshots"));
    m_model->retranslate();
}

} // namespace vivarium
