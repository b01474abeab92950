// SupervisedMachine: drives and media that change while the machine may run.
#include "core/database/library_store.h"
#include "core/database/operation_lock.h"
#include "core/jobs/background.h"
#include "core/jobs/when_done.h"
#include "core/supervisor/config_translator.h"
#include "core/supervisor/image_files.h"
#include "core/supervisor/supervised_machine.h"

#include <QFileInfo>

#include <algorithm>
#include <utility>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

bool samePlace(const DriveSettings& a, const DriveSettings& b) {
    return a.bus == b.bus && a.port == b.port;
}

Error gone() {
    return fail(ErrorCode::NotFound, "The machine is not in the library (any more).");
}

// One change of a machine's drives on its way through threads and the worker.
struct DriveChange {
    QPromise<Result<void>> promise;
    std::optional<OperationLock> lock; // no snapshot may meet it
    PreparedDrive prepared;

    void finish(Result<void> result) {
        lock.reset();
        promise.addResult(std::move(result));
        promise.finish();
    }
};

template <class Request>
QFuture<Result<void>> ask(QObject* context, WorkerConnection& worker, const Request& request,
                          std::vector<UniqueFd> descriptors = {}) {
    const auto promise = std::make_shared<QPromise<Result<void>>>();
    promise->start();
    whenDone(context, worker.send(request, std::move(descriptors)), [promise](const auto& reply) {
        promise->addResult(reply ? Result<void>() : Result<void>(reply.error()));
        promise->finish();
    });
    return promise->future();
}

} // namespace

// Errors: NotFound, Busy (just starting or stopping, or an operation on its snapshots).
QFuture<Result<void>> SupervisedMachine::changeDrive(
    const DriveSettings& drive,
    const std::function<Result<MachineSettings>(MachineSettings)>& newSettings,
    const std::function<QFuture<Result<void>>(WorkerConnection&, PreparedDrive)>& tellWorker,
    Files files) {
    const auto change = std::make_shared<DriveChange>();
    change->promise.start();
    const QFuture<Result<void>> future = change->promise.future();
    const Machine* known = machine();
    if (!known) {
        change->finish(gone());
        return future;
    }
    if (m_phase != Phase::Idle && m_phase != Phase::Connected) {
        change->finish(
            fail(ErrorCode::Busy, u"“%1” is just starting or stopping; try again in a moment."_s
                                      .arg(known->settings.name)
                                      .toStdString()));
        return future;
    }
    // What would be refused later is refused before the guest sees anything of it.
    if (const auto wanted = newSettings(known->settings); !wanted) {
        change->finish(wanted.error());
        return future;
    }
    QList<Machine> others = m_services.library.machines();
    others.removeIf([this](const Machine& other) { return other.id == m_id; });
    const bool opens = files == Files::Open && connection() && !drive.path.isEmpty();
    const auto open = [change, opens, drive, others, folder = known->folder,
                       &store = m_services.library.store()](Progress&) -> Result<void> {
        change->lock = TRY(OperationLock::acquireSoon(folder));
        if (!opens)
            return {};
        const QList<DiskLayer> layers =
            TRY(store
                    .run<Result<QList<DiskLayer>>>([&drive](LibraryDatabase& database) {
                        return database.layersOf({drive.path});
                    })
                    .result());
        change->prepared = TRY(prepareDrive(drive, others, layers));
        return {};
    };
    // The guest is not left with a drive that the library knows nothing of.
    const auto takeBack = [this, change, drive, files](const Error& error) {
        WorkerConnection* worker = files == Files::Open ? connection() : nullptr;
        if (!worker)
            return change->finish(error);
        whenDone(this, ask(this, *worker, control::DetachDrive{driveId(drive), true}),
                 [change, error](const Result<void>&) { change->finish(error); });
    };
    const auto keep = [this, change, newSettings, takeBack]() {
        const Machine* now = machine();
        if (!now)
            return takeBack(gone());
        Machine changed = *now;
        auto settings = newSettings(changed.settings);
        if (!settings)
            return takeBack(settings.error());
        changed.settings = std::move(*settings);
        if (!change->prepared.learned.isEmpty())
            m_services.library.learnLayers(change->prepared.learned);
        if (changed.settings == now->settings)
            return change->finish({});
        whenDone(this, m_services.library.update(changed),
                 [change, takeBack](const Result<void>& stored) {
                     if (stored)
                         change->finish({});
                     else
                         takeBack(stored.error());
                 });
    };
    m_opening.removeIf([](const QFuture<Result<void>>& earlier) { return earlier.isFinished(); });
    m_opening.append(runInBackground<void>(open));
    whenDone(this, m_opening.last(),
             [this, change, keep, opens, files, tellWorker](const Result<void>& opened) {
                 if (!opened)
                     return change->finish(opened.error());
                 WorkerConnection* worker = connection();
                 if (!worker && (opens || m_phase != Phase::Idle))
                     return change->finish(notRunning()); // it has ended meanwhile
                 if (!worker)
                     return files == Files::OnlyRunning ? change->finish(notRunning()) : keep();
                 whenDone(
                     this,
                     tellWorker(*worker, PreparedDrive{std::move(change->prepared.images), {}}),
                     [change, keep](const Result<void>& told) {
                         if (told)
                             keep();
                         else
                             change->finish(told.error());
                     });
             });
    return future;
}

namespace {

Result<MachineSettings> checked(MachineSettings settings) {
    if (const auto problems = validate(settings); !problems.isEmpty())
        return fail(ErrorCode::InvalidArgument, problems.first().message.toStdString());
    return settings;
}

} // namespace

QFuture<Result<void>> SupervisedMachine::attachDrive(const DriveSettings& drive) {
    return changeDrive(
        drive,
        [drive](MachineSettings settings) {
            settings.drives.append(drive);
            std::sort(settings.drives.begin(), settings.drives.end(),
                      [](const DriveSettings& a, const DriveSettings& b) {
                          return std::pair(a.bus, a.port) < std::pair(b.bus, b.port);
                      });
            return checked(std::move(settings));
        },
        [this, drive](WorkerConnection& worker, PreparedDrive prepared) {
            TranslatedDrive translated = translateDrive(drive, std::move(prepared.images));
            return ask(this, worker, control::AttachDrive{std::move(translated.config)},
                       std::move(translated.descriptors));
        },
        Files::Open);
}

QFuture<Result<void>> SupervisedMachine::detachDrive(const DriveSettings& drive, bool force) {
    return changeDrive(
        drive,
        [this, drive](MachineSettings settings) -> Result<MachineSettings> {
            if (settings.drives.removeIf(
                    [&drive](const DriveSettings& other) { return samePlace(other, drive); }) == 0)
                return fail(
                    ErrorCode::NotFound,
                    u"“%1” has no drive there (any more)."_s.arg(settings.name).toStdString());
            return settings;
        },
        [this, drive, force](WorkerConnection& worker, PreparedDrive) {
            return ask(this, worker, control::DetachDrive{driveId(drive), force});
        },
        Files::Leave);
}

QFuture<Result<void>> SupervisedMachine::resizeDrive(const DriveSettings& drive,
                                                     uint64_t sizeBytes) {
    return changeDrive(
        drive, [](MachineSettings settings) -> Result<MachineSettings> { return settings; },
        [this, drive, sizeBytes](WorkerConnection& worker, PreparedDrive) {
            return ask(this, worker, control::ResizeDrive{driveId(drive), sizeBytes});
        },
        Files::OnlyRunning);
}

QFuture<Result<void>> SupervisedMachine::changeMedium(const DriveSettings& drive, bool force) {
    const auto promise = std::make_shared<QPromise<Result<void>>>();
    promise->start();
    const auto finish = [promise](Result<void> result) {
        promise->addResult(std::move(result));
        promise->finish();
    };
    const auto store = [this, drive, finish] {
        const Machine* known = machine();
        if (!known)
            return finish(
                fail(ErrorCode::NotFound, "The machine is not in the library (any more)."));
        Machine changed = *known;
        for (DriveSettings& present : changed.settings.drives)
            if (present.bus == drive.bus && present.port == drive.port)
                present.path = drive.path;
        whenDone(this, m_services.library.update(changed), finish);
    };
    const auto insert = [this, drive, force, finish, store](std::shared_ptr<UniqueFd> image) {
        WorkerConnection* worker = connection();
        if (!worker)
            return store();
        control::ChangeMedium request;
        request.drive = driveId(drive);
        request.mediumName = QFileInfo(drive.path).fileName().toStdString();
        request.force = force;
        std::vector<UniqueFd> descriptors;
        if (image->valid()) {
            request.imageFd = 0;
            descriptors.push_back(std::move(*image));
        }
        whenDone(this, worker->send(request, std::move(descriptors)),
                 [finish, store](const auto& reply) {
                     if (reply)
                         store();
                     else
                         finish(reply.error());
                 });
    };
    if (drive.path.isEmpty()) {
        insert(std::make_shared<UniqueFd>());
        return promise->future();
    }
    auto image = std::make_shared<UniqueFd>();
    whenDone(this,
             runInBackground<void>(
                 [drive, image, others = m_services.library.machines()](Progress&) -> Result<void> {
                     *image = TRY(ImageFiles(others).openDrive(drive));
                     return {};
                 }),
             [insert, finish, image](const Result<void>& opened) {
                 if (opened)
                     insert(image);
                 else
                     finish(opened.error());
             });
    return promise->future();
}

void SupervisedMachine::noteEjection(const std::string& drive) {
    const Machine* known = machine();
    if (!known)
        return;
    Machine changed = *known;
    for (DriveSettings& present : changed.settings.drives)
        if (present.type == DriveType::Optical && driveId(present) == drive)
            present.path.clear();
    if (changed.settings != known->settings)
        m_services.library.update(changed);
}

} // namespace vivarium
