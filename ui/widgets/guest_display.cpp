#include "ui/widgets/guest_display.h"

#include "vmm/base/log.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace vivarium {

namespace {

struct Mapping {
    void* address = nullptr;
    size_t sizeBytes = 0;
};

void unmap(void* opaque) {
    const std::unique_ptr<Mapping> mapping(static_cast<Mapping*>(opaque));
    munmap(mapping->address, mapping->sizeBytes);
}

} // namespace

QImage mapScanout(const ScanoutInfo& info, int memoryFd) {
    if (!scanoutIsValid(info))
        return {};
    // Without the seal the worker could truncate the file and a read would raise SIGBUS.
    const int seals = fcntl(memoryFd, F_GET_SEALS);
    struct stat status {};
    if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(memoryFd, &status) != 0 ||
        status.st_size < 0 || static_cast<uint64_t>(status.st_size) < info.memoryBytes)
        return {};
    void* address = mmap(nullptr, info.memoryBytes, PROT_READ, MAP_SHARED, memoryFd, 0);
    if (address == MAP_FAILED)
        return {};
    auto mapping = std::make_unique<Mapping>(Mapping{address, info.memoryBytes});
    const auto* pixels = static_cast<const uchar*>(address) + info.offsetBytes;
    return QImage(pixels, static_cast<int>(info.width), static_cast<int>(info.height),
                  static_cast<qsizetype>(info.strideBytes), QImage::Format_RGB32, unmap,
                  mapping.release());
}

GuestDisplay::GuestDisplay(Supervisor& supervisor, const MachineId& id)
    : m_supervisor(supervisor), m_machine(id) {
    connect(&supervisor, &Supervisor::statusChanged, this,
            [this](const MachineId& changed, const MachineStatus&) {
                if (changed == m_machine)
                    attach();
            });
    attach();
}

GuestDisplay::~GuestDisplay() {
    if (m_connection && m_connection->connected())
        (void)m_connection->send(control::Subscribe{});
}

void GuestDisplay::attach() {
    WorkerConnection* connection = m_supervisor.connection(m_machine);
    if (connection == m_connection && (connection || m_picture.isNull()))
        return;
    if (m_connection)
        m_connection->disconnect(this);
    m_connection = connection;
    dropPicture();
    if (connection) {
        connect(connection, &WorkerConnection::scanoutChanged, this,
                [this](const ScanoutInfo& info, const std::shared_ptr<UniqueFd>& memory) {
                    if (memory)
                        showScanout(info, *memory);
                });
        connect(connection, &WorkerConnection::damaged, this, [this](const control::Damage& event) {
            if (event.generation != m_generation || m_picture.isNull())
                return;
            std::vector<QRect> rectangles;
            rectangles.reserve(event.rectangles.size());
            const QRect bounds = m_picture.rect();
            for (const Rect& r : event.rectangles) {
                // A worker is not trusted with numbers either: anything out of range is the
                // whole picture.
                const bool sane = r.x <= kMaxScanoutWidth && r.y <= kMaxScanoutHeight &&
                                  r.width <= kMaxScanoutWidth && r.height <= kMaxScanoutHeight;
                rectangles.push_back(sane ? QRect(static_cast<int>(r.x), static_cast<int>(r.y),
                                                  static_cast<int>(r.width),
                                                  static_cast<int>(r.height)) &
                                                bounds
                                          : bounds);
            }
            Q_EMIT
            damaged(rectangles);
        });
        connect(connection, &WorkerConnection::disconnected, this, [this] {
            m_connection.clear();
            dropPicture();
            Q_EMIT
            connectionChanged();
        });
        control::Subscribe subscribe;
        subscribe.display = true;
        subscribe.activity = true;
        (void)connection->send(subscribe);
    }
    Q_EMIT
    connectionChanged();
}

void GuestDisplay::showScanout(const ScanoutInfo& info, const UniqueFd& memory) {
    m_picture = mapScanout(info, memory.get());
    m_generation = info.generation;
    if (m_picture.isNull())
        logWarning("display", formatText("the worker sent an unusable scanout %ux%u", info.width,
                                         info.height));
    Q_EMIT
    pictureReplaced();
}

void GuestDisplay::dropPicture() {
    if (m_picture.isNull())
        return;
    m_picture = QImage();
    m_generation = 0;
    Q_EMIT
    pictureReplaced();
}

std::shared_ptr<GuestDisplay> GuestDisplays::open(const MachineId& id) {
    std::shared_ptr<GuestDisplay> display = m_open.value(id).lock();
    if (!display) {
        display = std::make_shared<GuestDisplay>(m_supervisor, id);
        m_open.insert(id, display);
    }
    return display;
}

} // namespace vivarium
