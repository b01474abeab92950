#pragma once

#include "ui/machine_settings/settings_page.h"

class QCheckBox;
class QComboBox;
class QGroupBox;
class QLineEdit;
class QListWidget;
class QPlainTextEdit;
class QTabWidget;
class QToolButton;

namespace vivarium {

class PathField;
class ValueSlider;

// Memory, boot order, processors, acceleration, direct boot.
class SystemPage : public SettingsPage {
    Q_OBJECT
public:
    // `hostMemoryMiB` and `hostCpuCount` scale the sliders.
    SystemPage(quint32 hostMemoryMiB, int hostCpuCount, QWidget* parent = nullptr);
    void load(const Machine& machine) override;
    void store(Machine& machine) const override;
    void setLiveness(Liveness liveness) override;

private:
    QWidget* motherboardTab(quint32 hostMemoryMiB);
    QWidget* processorTab(int hostCpuCount);
    QWidget* directBootTab();
    void moveBootDevice(int step);

    QTabWidget* m_tabs;
    ValueSlider* m_memory;
    QListWidget* m_bootOrder;
    QToolButton* m_bootUp;
    QToolButton* m_bootDown;
    QComboBox* m_firmware;
    QCheckBox* m_bootMenu;
    QCheckBox* m_hpet;
    QCheckBox* m_localTime;
    ValueSlider* m_processors;
    QComboBox* m_accelerator;
    QCheckBox* m_exitDevice;
    QGroupBox* m_directBoot;
    PathField* m_kernel;
    PathField* m_initrd;
    QLineEdit* m_commandLine;
    QPlainTextEdit* m_modules;
};

} // namespace vivarium
