#pragma once

#include "core/model/machine.h"

#include <QWidget>

#include <memory>

class QFileSystemWatcher;
class QLabel;
class QLineEdit;
class QPlainTextEdit;
class QTabWidget;
class QTreeWidget;

namespace vivarium {

class Library;
class Supervisor;

// A machine's history and its worker's log. Loads only while it is on the screen, away from the GUI
// thread, and follows the growing file. GUI thread.
class LogView : public QWidget {
    Q_OBJECT
public:
    // Of a longer log only the end is shown.
    static constexpr qint64 kMaxShownBytes = 1 << 20;

    LogView(Library& library, const Supervisor& supervisor, QWidget* parent = nullptr);
    ~LogView() override;

    void setMachine(const MachineId& id);
    QString logText() const;

Q_SIGNALS:
    void folderRequested(const QString& folder);

protected:
    void showEvent(QShowEvent* event) override;
    void hideEvent(QHideEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    void retranslate();
    void reload();
    void loadEvents();
    void loadLog();
    void addEvent(const MachineEvent& event);
    void watchLog();
    void findNext();

    Library& m_library;
    const Supervisor& m_supervisor;
    MachineId m_machine;
    QTabWidget* m_tabs;
    QTreeWidget* m_events;
    QWidget* m_logPage;
    QPlainTextEdit* m_log;
    QLineEdit* m_find;
    QLabel* m_note;
    std::unique_ptr<QFileSystemWatcher> m_watcher; // while visible
    bool m_loading = false;
    bool m_reloadWanted = false;
};

} // namespace vivarium
