#include "ui/snapshots/clone_dialog.h"

#include "core/database/library.h"
#include "core/supervisor/supervisor.h"
#include "ui/snapshots/snapshot_text.h"
#include "ui/text/machine_text.h"
#include "ui/widgets/icons.h"
#include "ui/widgets/inline_message.h"

#include <QComboBox>
#include <QDialogButtonBox>
#include <QFormLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QRadioButton>
#include <QSpinBox>
#include <QVBoxLayout>

#include <algorithm>

namespace vivarium {

namespace {

constexpr int kExplanationIndent = 24;
constexpr int kWidth = 500;

bool hasGuest(MachineState state) {
    return state == MachineState::Running || state == MachineState::Paused;
}

} // namespace

CloneDialog::CloneDialog(const SnapshotService& service, const Library& library,
                         const Supervisor& supervisor, const MachineId& machine,
                         const SnapshotId& snapshot, QWidget* parent)
    : QDialog(parent), m_service(service), m_library(library), m_supervisor(supervisor),
      m_machine(machine), m_nameLabel(new QLabel(this)), m_name(new QLineEdit(this)),
      m_sourceLabel(new QLabel(this)), m_source(new QComboBox(this)),
      m_macPolicyLabel(new QLabel(this)), m_macPolicy(new QComboBox(this)),
      m_kindLabel(new QLabel(this)), m_full(new QRadioButton(this)), m_fullText(new QLabel(this)),
      m_linked(new QRadioButton(this)), m_linkedText(new QLabel(this)),
      m_fork(new QRadioButton(this)), m_forkText(new QLabel(this)), m_countLabel(new QLabel(this)),
      m_count(new QSpinBox(this)), m_problem(new InlineMessage(this)),
      m_buttons(new QDialogButtonBox(QDialogButtonBox::Ok | QDialogButtonBox::Cancel, this)) {
    if (const Machine* known = library.find(machine)) {
        m_machineName = known->settings.name;
        m_hasNetworkCards = !known->settings.networkCards.isEmpty();
    }
    m_name->setObjectName(QStringLiteral("name"));
    m_full->setObjectName(QStringLiteral("full"));
    m_linked->setObjectName(QStringLiteral("linked"));
    m_fork->setObjectName(QStringLiteral("fork"));
    m_nameLabel->setBuddy(m_name);
    m_sourceLabel->setBuddy(m_source);
    m_macPolicyLabel->setBuddy(m_macPolicy);
    m_macPolicy->setObjectName(QStringLiteral("macPolicy"));
    m_countLabel->setBuddy(m_count);
    m_count->setRange(1, kMaxForks);

    auto* fields = new QFormLayout;
    fields->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
    fields->addRow(m_nameLabel, m_name);
    fields->addRow(m_sourceLabel, m_source);
    fields->addRow(m_macPolicyLabel, m_macPolicy);
    auto* layout = new QVBoxLayout(this);
    layout->addLayout(fields);
    layout->addSpacing(8);
    layout->addWidget(m_kindLabel);
    const std::pair<QRadioButton*, QLabel*> kinds[] = {
        {m_full, m_fullText}, {m_linked, m_linkedText}, {m_fork, m_forkText}};
    for (const auto& [button, text] : kinds) {
        text->setWordWrap(true);
        text->setContentsMargins(kExplanationIndent, 0, 0, 4);
        text->setForegroundRole(QPalette::PlaceholderText);
        layout->addWidget(button);
        layout->addWidget(text);
        connect(button, &QRadioButton::toggled, this, &CloneDialog::refresh);
    }
    auto* count = new QHBoxLayout;
    count->setContentsMargins(kExplanationIndent, 0, 0, 0);
    count->addWidget(m_countLabel);
    count->addWidget(m_count);
    count->addStretch();
    layout->addLayout(count);
    layout->addSpacing(4);
    layout->addWidget(m_problem);
    layout->addStretch();
    layout->addWidget(m_buttons);
    connect(m_buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
    connect(m_buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    connect(m_name, &QLineEdit::textChanged, this, &CloneDialog::refresh);
    connect(m_source, &QComboBox::currentIndexChanged, this, &CloneDialog::refresh);
    connect(&supervisor, &Supervisor::statusChanged, this, [this](const MachineId& changed) {
        if (changed == m_machine)
            refresh();
    });

    for (MacPolicy policy : {MacPolicy::New, MacPolicy::Keep})
        m_macPolicy->addItem(QString(), QVariant::fromValue(policy));
    retranslate();
    if (m_service.isTemplate(machine))
        m_linked->setChecked(true); // what a template is for
    fillSources(snapshot);
    m_name->setText(tr("%1 Clone").arg(m_machineName));
    m_name->selectAll();
    m_name->setFocus();
    resize(kWidth, layout->totalHeightForWidth(kWidth));
}

void CloneDialog::fillSources(const SnapshotId& chosen) {
    m_source->addItem(stateIcon(m_supervisor.status(m_machine).state), tr("Current state"),
                      QVariant::fromValue(SnapshotId()));
    const QList<Snapshot> snapshots = m_service.snapshots(m_machine);
    for (const Snapshot& snapshot : snapshots) {
        m_source->addItem(applicationIcon(snapshot.automatic ? QStringLiteral("snapshot-automatic")
                                                             : QStringLiteral("snapshot")),
                          snapshotNameText(snapshot), QVariant::fromValue(snapshot.id));
        if (snapshot.id == chosen)
            m_source->setCurrentIndex(m_source->count() - 1);
    }
    refresh();
}

SnapshotId CloneDialog::chosenSnapshot() const {
    return m_source->currentData().value<SnapshotId>();
}

CloneRequest CloneDialog::request() const {
    CloneRequest request;
    request.source = {m_machine, chosenSnapshot()};
    if (m_fork->isChecked()) {
        request.kind = CloneRequest::Kind::Fork;
        request.count = m_count->value();
    } else if (m_linked->isChecked()) {
        request.kind = CloneRequest::Kind::Linked;
    }
    if (!m_fork->isChecked()) {
        request.name = m_name->text().trimmed();
        request.macPolicy = m_macPolicy->currentData().value<MacPolicy>();
    }
    return request;
}

QString CloneDialog::nameProblem() const {
    MachineSettings settings;
    settings.name = m_name->text().trimmed();
    for (const SettingsProblem& problem : validate(settings))
        if (problem.field == u"name")
            return problemText(problem);
    const QList<Machine>& machines = m_library.machines();
    const bool taken = std::any_of(machines.begin(), machines.end(), [&](const Machine& machine) {
        return machine.settings.name.compare(settings.name, Qt::CaseInsensitive) == 0;
    });
    return taken ? tr("There is already a machine with this name.") : QString();
}

void CloneDialog::refresh() {
    const bool running = hasGuest(m_supervisor.status(m_machine).state);
    const bool fromNow = chosenSnapshot().isNull();
    const bool canClone = !fromNow || !running;
    const bool canFork = fromNow && running;
    m_full->setEnabled(canClone);
    m_fullText->setEnabled(canClone);
    m_linked->setEnabled(canClone);
    m_linkedText->setEnabled(canClone);
    m_fork->setEnabled(canFork);
    m_forkText->setEnabled(canFork);
    const bool chosenFits = (m_fork->isChecked() && canFork) ||
                            ((m_full->isChecked() || m_linked->isChecked()) && canClone);
    if (!chosenFits) {
        (canFork ? m_fork : m_full)->setChecked(true); // calls this again
        return;
    }
    m_count->setEnabled(m_fork->isChecked());
    m_countLabel->setEnabled(m_fork->isChecked());
    m_name->setEnabled(!m_fork->isChecked()); // the service names the copies
    m_nameLabel->setEnabled(!m_fork->isChecked());
    const bool hasChoice = !m_fork->isChecked() && m_hasNetworkCards;
    m_macPolicy->setEnabled(hasChoice);
    m_macPolicyLabel->setEnabled(hasChoice);
    m_macPolicy->setToolTip(m_hasNetworkCards ? QString()
                                              : tr("The machine has no network adapter."));
    if (m_fork->isChecked()) // two machines that run cannot have the same
        m_macPolicy->setCurrentIndex(0);
    const QString problem = m_fork->isChecked() ? QString() : nameProblem();
    if (!problem.isEmpty())
        m_problem->show(InlineMessage::Level::Error, problem);
    else if (fromNow && running)
        m_problem->show(InlineMessage::Level::Hint,
                        tr("The machine runs: for a full or linked clone take a snapshot and "
                           "choose it above, or power the machine off."));
    else
        m_problem->clear();
    m_buttons->button(QDialogButtonBox::Ok)->setEnabled(problem.isEmpty());
}

void CloneDialog::retranslate() {
    setWindowTitle(tr("Clone Virtual Machine"));
    m_nameLabel->setText(tr("&Name:"));
    m_sourceLabel->setText(tr("&From:"));
    m_macPolicyLabel->setText(tr("MAC &address policy:"));
    m_macPolicy->setItemText(0, tr("New addresses for all network adapters"));
    m_macPolicy->setItemText(1, tr("The original's addresses"));
    m_kindLabel->setText(tr("Kind of copy:"));
    m_full->setText(tr("F&ull clone"));
    m_fullText->setText(tr("Has disks of its own. Needs as much room as they take and does not "
                           "depend on the original."));
    m_linked->setText(tr("&Linked clone"));
    m_linkedText->setText(tr("Made at once: only what differs from the original is stored. The "
                             "original cannot be removed while there are linked clones."));
    m_fork->setText(tr("For&k"));
    m_forkText->setText(
        tr("Running copies of a running machine that go on from this very moment, "
           "each with a disk layer and MAC addresses of its own, called “%1 (fork 1)” and so on.")
            .arg(m_machineName));
    m_countLabel->setText(tr("Number of c&opies:"));
    m_buttons->button(QDialogButtonBox::Ok)->setText(tr("&Clone"));
}

} // namespace vivarium
