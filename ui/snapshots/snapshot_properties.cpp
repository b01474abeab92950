#include "ui/snapshots/snapshot_properties.h"

#include "core/database/library.h"
#include "core/snapshots/snapshot_service.h"
#include "ui/snapshots/snapshot_text.h"
#include "ui/snapshots/thumbnail_cache.h"
#include "ui/text/machine_text.h"
#include "ui/widgets/disk_names.h"
#include "ui/widgets/future_reply.h"
#include "ui/widgets/icons.h"
#include "ui/widgets/inline_message.h"

#include <QDialogButtonBox>
#include <QEvent>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QPushButton>

#include <algorithm>

namespace vivarium {

namespace {
constexpr int kMaxPictureWidth = 240;
constexpr int kMinPictureWidth = 96;
constexpr int kDescriptionLines = 4;
} // namespace

SnapshotProperties::SnapshotProperties(const SnapshotService& service, Library& library,
                                       ThumbnailCache& thumbnails, QWidget* parent)
    : QScrollArea(parent), m_service(service), m_library(library), m_thumbnails(thumbnails),
      m_diskNames(new DiskNames(library, this)), m_picture(new QLabel), m_nameLabel(new QLabel),
      m_name(new QLineEdit), m_takenLabel(new QLabel), m_taken(new QLabel),
      m_descriptionLabel(new QLabel), m_description(new QPlainTextEdit),
      m_settingsLabel(new QLabel), m_settings(new QLabel), m_problem(new InlineMessage),
      m_buttons(new QDialogButtonBox(QDialogButtonBox::Apply | QDialogButtonBox::Discard)) {
    setFrameShape(QFrame::NoFrame);
    setWidgetResizable(true);
    setFocusPolicy(Qt::NoFocus);
    auto* content = new QWidget(this);
    m_name->setObjectName(QStringLiteral("snapshotName"));
    m_description->setObjectName(QStringLiteral("snapshotDescription"));
    m_nameLabel->setBuddy(m_name);
    m_descriptionLabel->setBuddy(m_description);
    m_description->setTabChangesFocus(true);
    const int line = m_description->fontMetrics().lineSpacing();
    m_description->setFixedHeight(line * kDescriptionLines + line / 2);
    for (QLabel* text : {m_taken, m_settings}) {
        text->setTextFormat(Qt::PlainText);
        text->setWordWrap(true);
        text->setTextInteractionFlags(Qt::TextSelectableByMouse);
        text->setAlignment(Qt::AlignLeft | Qt::AlignTop);
    }
    m_picture->setAlignment(Qt::AlignRight | Qt::AlignTop);
    auto* form = new QFormLayout;
    form->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
    form->addRow(m_nameLabel, m_name);
    form->addRow(m_takenLabel, m_taken);
    form->addRow(m_descriptionLabel, m_description);
    form->addRow(QString(), m_problem);
    form->addRow(QString(), m_buttons);
    form->addRow(m_settingsLabel, m_settings);
    auto* layout = new QHBoxLayout(content);
    layout->setContentsMargins(8, 8, 8, 8);
    layout->setSpacing(12);
    layout->addLayout(form, 1);
    layout->addWidget(m_picture, 0, Qt::AlignTop);
    setWidget(content);

    connect(m_name, &QLineEdit::textEdited, this, &SnapshotProperties::check);
    connect(m_name, &QLineEdit::returnPressed, this, &SnapshotProperties::applyChanges);
    connect(m_description, &QPlainTextEdit::textChanged, this, &SnapshotProperties::check);
    connect(m_buttons->button(QDialogButtonBox::Apply), &QPushButton::clicked, this,
            &SnapshotProperties::applyChanges);
    connect(m_buttons->button(QDialogButtonBox::Discard), &QPushButton::clicked, this,
            &SnapshotProperties::discardChanges);
    connect(&thumbnails, &ThumbnailCache::loaded, this, &SnapshotProperties::showPicture);
    connect(m_diskNames, &DiskNames::learned, this, &SnapshotProperties::showSettings);
    retranslate();
    clear();
}

void SnapshotProperties::showSnapshot(const Snapshot& snapshot) {
    const bool same = snapshot.id == m_snapshot.id && snapshot.machine == m_snapshot.machine;
    const bool keepsEdits = same && hasChanges();
    if (!same)
        applyChanges();
    m_snapshot = snapshot;
    m_current = {};
    setEditable(true);
    m_taken->setText(snapshot.automatic
                         ? tr("%1 (automatic)").arg(exactTimeText(snapshot.createdAt))
                         : exactTimeText(snapshot.createdAt));
    if (!keepsEdits)
        discardChanges();
    showPicture();
    if (!same)
        loadSettings();
}

void SnapshotProperties::showCurrentState(const MachineId& machine, const CurrentState& state) {
    applyChanges();
    m_snapshot = {};
    m_snapshot.machine = machine;
    m_current = state;
    setEditable(false);
    const auto below = m_service.find(machine, state.snapshot);
    const QString name = tr("Current State");
    m_name->setText(name);
    m_taken->setText(!below ? stateText(state.machineState)
                     : state.changed
                         ? tr("%1; changed since “%2” was taken")
                               .arg(stateText(state.machineState), snapshotNameText(*below))
                         : tr("%1; the same as “%2”")
                               .arg(stateText(state.machineState), snapshotNameText(*below)));
    const Machine* known = m_library.find(machine);
    m_hardware = known ? std::optional(known->settings) : std::nullopt;
    showSettings();
    showPicture();
    check();
}

void SnapshotProperties::clear() {
    applyChanges();
    m_snapshot = {};
    m_current = {};
    setEditable(false);
    m_name->clear();
    m_taken->clear();
    m_hardware.reset();
    showSettings();
    showPicture();
    check();
}

void SnapshotProperties::editName() {
    m_name->setFocus();
    m_name->selectAll();
}

void SnapshotProperties::setEditable(bool editable) {
    m_name->setReadOnly(!editable);
    m_descriptionLabel->setVisible(editable);
    m_description->setVisible(editable);
    m_takenLabel->setText(editable ? tr("Taken:") : tr("State:"));
}

// What is shown of an automatic name is not what is stored.
QString SnapshotProperties::editedName() const {
    const QString text = m_name->text().trimmed();
    return text == snapshotNameText(m_snapshot) ? m_snapshot.name : text;
}

bool SnapshotProperties::hasChanges() const {
    return !m_snapshot.id.isNull() && (editedName() != m_snapshot.name ||
                                       m_description->toPlainText() != m_snapshot.description);
}

void SnapshotProperties::applyChanges() {
    if (!hasChanges())
        return;
    Snapshot changed = m_snapshot;
    changed.name = editedName();
    changed.description = m_description->toPlainText();
    if (validate(changed).isEmpty()) {
        m_snapshot = changed;
        Q_EMIT
        changeRequested(changed.machine, changed.id, changed.name, changed.description);
    }
    check();
}

void SnapshotProperties::discardChanges() {
    m_name->setText(snapshotNameText(m_snapshot));
    m_name->setCursorPosition(0);
    m_description->setPlainText(m_snapshot.description);
    check();
}

void SnapshotProperties::check() {
    const bool changed = hasChanges();
    Snapshot wanted = m_snapshot;
    wanted.name = editedName();
    wanted.description = m_description->toPlainText();
    const QList<SettingsProblem> problems = changed ? validate(wanted) : QList<SettingsProblem>();
    if (problems.isEmpty())
        m_problem->clear();
    else
        m_problem->show(InlineMessage::Level::Error, problemText(problems.first()));
    m_buttons->setVisible(changed);
    m_buttons->button(QDialogButtonBox::Apply)->setEnabled(problems.isEmpty());
}

void SnapshotProperties::loadSettings() {
    m_hardware.reset();
    showSettings();
    whenReplied(this, m_service.settings(m_snapshot.id),
                [this, id = m_snapshot.id](const Result<MachineSettings>& settings) {
                    if (id != m_snapshot.id || !settings)
                        return;
                    m_hardware = *settings;
                    showSettings();
                });
}

void SnapshotProperties::showSettings() {
    m_settings->setText(
        m_hardware ? settingsSummary(*m_hardware,
                                     [this](const QString& top) { return m_diskNames->name(top); })
                   : QString());
}

void SnapshotProperties::showPicture() {
    const QImage picture = m_thumbnails.find(m_snapshot.id.isNull() ? m_current.thumbnailPath
                                                                    : m_snapshot.thumbnailPath);
    m_picture->setVisible(!picture.isNull());
    if (picture.isNull())
        return;
    const int width = std::clamp(viewport()->width() / 3, kMinPictureWidth, kMaxPictureWidth);
    const qreal ratio = devicePixelRatioF();
    QImage shown =
        picture.scaled(QSize(width, width) * ratio, Qt::KeepAspectRatio, Qt::SmoothTransformation);
    shown.setDevicePixelRatio(ratio);
    m_picture->setPixmap(QPixmap::fromImage(shown));
}

void SnapshotProperties::resizeEvent(QResizeEvent* event) {
    QScrollArea::resizeEvent(event);
    showPicture();
}

void SnapshotProperties::changeEvent(QEvent* event) {
    if (event->type() == QEvent::LanguageChange)
        retranslate();
    QScrollArea::changeEvent(event);
}

void SnapshotProperties::retranslate() {
    m_nameLabel->setText(tr("Name:"));
    m_descriptionLabel->setText(tr("Description:"));
    m_settingsLabel->setText(tr("Hardware:"));
    m_takenLabel->setText(m_snapshot.id.isNull() ? tr("State:") : tr("Taken:"));
    m_buttons->button(QDialogButtonBox::Apply)->setText(tr("Apply"));
    m_buttons->button(QDialogButtonBox::Discard)->setText(tr("Discard"));
    m_picture->setAccessibleName(tr("The guest's screen at that moment"));
}

} // namespace vivarium
