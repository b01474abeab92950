#include "ui/snapshots/timeline_dialog.h"

#include "ui/text/machine_text.h"
#include "ui/widgets/inline_message.h"

#include <QCheckBox>
#include <QDialogButtonBox>
#include <QFormLayout>
#include <QLabel>
#include <QPushButton>
#include <QSpinBox>
#include <QVBoxLayout>

#include <algorithm>

namespace vivarium {

namespace {
constexpr int kWidth = 460;
constexpr int kMaxKeepHours = 30 * 24;
constexpr int kMaxKeepDays = 10 * 365;
constexpr int kMinutesPerHour = 60, kHoursPerDay = 24;
} // namespace

TimelineDialog::TimelineDialog(const QString& machineName, const TimelineSettings& settings,
                               QWidget* parent)
    : QDialog(parent), m_enabled(new QCheckBox(this)), m_everyLabel(new QLabel(this)),
      m_every(new QSpinBox(this)), m_keepAllLabel(new QLabel(this)), m_keepAll(new QSpinBox(this)),
      m_keepHourlyLabel(new QLabel(this)), m_keepHourly(new QSpinBox(this)),
      m_keepDailyLabel(new QLabel(this)), m_keepDaily(new QSpinBox(this)),
      m_summary(new QLabel(this)), m_note(new QLabel(this)), m_problem(new InlineMessage(this)),
      m_buttons(new QDialogButtonBox(QDialogButtonBox::Ok | QDialogButtonBox::Cancel, this)) {
    m_enabled->setObjectName(QStringLiteral("enabled"));
    m_every->setObjectName(QStringLiteral("every"));
    m_keepAll->setObjectName(QStringLiteral("keepAll"));
    m_keepHourly->setObjectName(QStringLiteral("keepHourly"));
    m_keepDaily->setObjectName(QStringLiteral("keepDaily"));
    m_every->setRange(TimelineSettings::kMinIntervalMinutes, TimelineSettings::kMaxIntervalMinutes);
    m_keepAll->setRange(0, std::max(kMaxKeepHours, settings.keepAllHours));
    m_keepHourly->setRange(0, std::max(kMaxKeepHours, settings.keepHourlyHours));
    m_keepDaily->setRange(0, std::max(kMaxKeepDays, settings.keepDailyDays));
    m_enabled->setChecked(settings.enabled);
    m_every->setValue(settings.intervalMinutes);
    m_keepAll->setValue(settings.keepAllHours);
    m_keepHourly->setValue(settings.keepHourlyHours);
    m_keepDaily->setValue(settings.keepDailyDays);

    auto* form = new QFormLayout;
    const std::pair<QLabel*, QSpinBox*> fields[] = {{m_everyLabel, m_every},
                                                    {m_keepAllLabel, m_keepAll},
                                                    {m_keepHourlyLabel, m_keepHourly},
                                                    {m_keepDailyLabel, m_keepDaily}};
    for (const auto& [label, field] : fields) {
        label->setBuddy(field);
        form->addRow(label, field);
        connect(field, &QSpinBox::valueChanged, this, &TimelineDialog::refresh);
    }
    form->setContentsMargins(20, 0, 0, 0);
    for (QLabel* text : {m_summary, m_note})
        text->setWordWrap(true);
    m_note->setForegroundRole(QPalette::PlaceholderText);
    auto* layout = new QVBoxLayout(this);
    layout->setSpacing(10);
    layout->addWidget(m_enabled);
    layout->addLayout(form);
    layout->addWidget(m_summary);
    layout->addWidget(m_note);
    layout->addWidget(m_problem);
    layout->addStretch();
    layout->addWidget(m_buttons);
    connect(m_enabled, &QCheckBox::toggled, this, &TimelineDialog::refresh);
    connect(m_buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
    connect(m_buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    retranslate(machineName);
    resize(kWidth, layout->totalHeightForWidth(kWidth));
}

TimelineSettings TimelineDialog::settings() const {
    TimelineSettings settings;
    settings.enabled = m_enabled->isChecked();
    settings.intervalMinutes = m_every->value();
    settings.keepAllHours = m_keepAll->value();
    settings.keepHourlyHours = m_keepHourly->value();
    settings.keepDailyDays = m_keepDaily->value();
    return settings;
}

// At most, for a machine that runs all the time.
int TimelineDialog::snapshotCount(const TimelineSettings& settings) {
    const int perHour = std::max(kMinutesPerHour / settings.intervalMinutes, 1);
    const int hourly = std::max(settings.keepHourlyHours - settings.keepAllHours, 0);
    const int days =
        std::max(settings.keepDailyDays -
                     std::max(settings.keepHourlyHours, settings.keepAllHours) / kHoursPerDay,
                 0);
    return settings.keepAllHours * perHour + hourly + days;
}

void TimelineDialog::refresh() {
    const TimelineSettings wanted = settings();
    for (QWidget* field :
         QList<QWidget*>{m_everyLabel, m_every, m_keepAllLabel, m_keepAll, m_keepHourlyLabel,
                         m_keepHourly, m_keepDailyLabel, m_keepDaily})
        field->setEnabled(wanted.enabled);
    m_every->setSuffix(tr(" minute(s)", "after a number", wanted.intervalMinutes));
    m_keepAll->setSuffix(tr(" hour(s)", "after a number", wanted.keepAllHours));
    m_keepHourly->setSuffix(tr(" hour(s)", "after a number", wanted.keepHourlyHours));
    m_keepDaily->setSuffix(tr(" day(s)", "after a number", wanted.keepDailyDays));
    m_summary->setText(wanted.enabled
                           ? tr("At most about %n automatic snapshot(s) at a time; your own stay.",
                                nullptr, snapshotCount(wanted))
                           : tr("What was taken automatically before stays until you delete it."));
    const QList<SettingsProblem> problems = validate(wanted);
    if (problems.isEmpty())
        m_problem->clear();
    else
        m_problem->show(InlineMessage::Level::Error, problemText(problems.first()));
    m_buttons->button(QDialogButtonBox::Ok)->setEnabled(problems.isEmpty());
}

void TimelineDialog::retranslate(const QString& machineName) {
    setWindowTitle(tr("Automatic Snapshots of “%1”").arg(machineName));
    m_enabled->setText(tr("&Take snapshots automatically while the machine runs"));
    m_everyLabel->setText(tr("&Every:"));
    m_keepAllLabel->setText(tr("Keep &all of the last:"));
    m_keepHourlyLabel->setText(tr("Then one an &hour of the last:"));
    m_keepDailyLabel->setText(tr("Then one a &day of the last:"));
    m_note->setText(tr("The guest stands still for some milliseconds each time. It goes on when "
                       "every window of Vivarium is closed: a small process of the machine takes "
                       "them and ends with it."));
    refresh();
}

} // namespace vivarium
