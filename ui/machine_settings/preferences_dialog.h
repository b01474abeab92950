#pragma once

#include "ui/machine_settings/settings_dialog_frame.h"

class QCheckBox;
class QComboBox;

namespace vivarium {

class CurrentPreferences;
class HostKeyField;
class PathField;

// The application's own settings: folders, host key and capture, language.
class PreferencesDialog : public SettingsDialogFrame {
    Q_OBJECT
public:
    enum class Page { General, Input, Language };
    PreferencesDialog(CurrentPreferences& preferences, QWidget* parent);

protected:
    void apply() override;

private:
    QWidget* generalPage();
    QWidget* inputPage();
    QWidget* languagePage();

    CurrentPreferences& m_preferences;
    PathField* m_machinesFolder = nullptr;
    PathField* m_mediaFolder = nullptr;
    PathField* m_screenshotsFolder = nullptr;
    QCheckBox* m_confirmClosing = nullptr;
    QCheckBox* m_saveAtSessionEnd = nullptr;
    HostKeyField* m_hostKey = nullptr;
    QCheckBox* m_autoCapture = nullptr;
    QComboBox* m_language = nullptr;
};

} // namespace vivarium
