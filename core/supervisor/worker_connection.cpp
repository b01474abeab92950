#include "core/supervisor/worker_connection.h"

#include "vmm/base/log.h"
#include "vmm/control/envelope.h"
#include "vmm/control/line_channel.h"
#include "vmm/control/message_json.h"

#include <QPointer>
#include <QPromise>
#include <QSocketNotifier>

#include <functional>
#include <map>
#include <unordered_map>

namespace vivarium {

using control::Envelope;

namespace {

using Descriptors = std::shared_ptr<std::vector<UniqueFd>>;

// The envelope of an answer, or why there is none.
struct Answer {
    Result<nlohmann::json> body;
    Descriptors descriptors;
};

Error goneError() {
    return fail(ErrorCode::Disconnected, "The machine's worker has ended.");
}

} // namespace

class WorkerConnection::Private {
public:
    using EventHandler = void (Private::*)(const Envelope&, const Descriptors&);

    Private(WorkerConnection& owner, UniqueFd socket) : q(owner) {
        auto created = control::LineChannel::create(std::move(socket));
        if (!created) {
            logWarning("supervisor", created.error().detail);
            return;
        }
        m_channel.emplace(std::move(*created));
        m_readable = std::make_unique<QSocketNotifier>(m_channel->fd(), QSocketNotifier::Read);
        m_writable = std::make_unique<QSocketNotifier>(m_channel->fd(), QSocketNotifier::Write);
        m_writable->setEnabled(false);
        QObject::connect(m_readable.get(), &QSocketNotifier::activated, &q, [this] { read(); });
        QObject::connect(m_writable.get(), &QSocketNotifier::activated, &q, [this] { write(); });
    }

    bool connected() const { return m_channel.has_value(); }

    void request(std::string_view method, const nlohmann::json& parameters,
                 std::vector<UniqueFd> descriptors, std::function<void(Answer)> answered) {
        const int64_t id = ++m_lastId;
        m_pending.emplace(id, std::move(answered));
        const std::string line =
            control::requestLine(control::MessageId(id), method, parameters, descriptors.size());
        if (line.size() >= control::kMaxMessageBytes) {
            answer(id, {fail(ErrorCode::LimitExceeded,
                             "The request is too long for the machine's worker."),
                        nullptr});
            return;
        }
        m_channel->send(line, std::move(descriptors));
        m_writable->setEnabled(m_channel->wantsWrite());
    }

    void close() {
        if (!m_channel)
            return;
        // Often called by the reading notifier itself, so they go later.
        for (auto* notifier : {&m_readable, &m_writable}) {
            (*notifier)->setEnabled(false);
            notifier->release()->deleteLater();
        }
        m_channel.reset();
        const auto pending = std::exchange(m_pending, {});
        for (const auto& [id, answered] : pending)
            answered({goneError(), nullptr});
    }

private:
    void write() {
        // A failure shows again when reading, where it ends the connection.
        static_cast<void>(m_channel->flush().has_value());
        m_writable->setEnabled(m_channel->wantsWrite());
    }

    void read() {
        const QPointer<WorkerConnection> alive(&q); // a receiver may delete the connection
        for (bool more = true; more;) {
            const Result<void> received = m_channel->readAvailable();
            while (m_channel) {
                const auto line = m_channel->nextLine();
                if (!line)
                    break;
                takeLine(*line);
                if (!alive)
                    return;
            }
            if (!m_channel)
                return;
            if (!received) {
                if (received.error().code != ErrorCode::Disconnected)
                    logWarning("supervisor",
                               "the connection to a worker broke: " + received.error().detail);
                end();
                return;
            }
            more = m_channel->mayHaveMore();
        }
    }

    void end() {
        const QPointer<WorkerConnection> alive(&q);
        close();
        if (alive)
            Q_EMIT
        q.disconnected();
    }

    void takeLine(const std::string& line) {
        auto parsed = control::parseEnvelope(line);
        if (const auto* error = std::get_if<control::EnvelopeError>(&parsed)) {
            logWarning("supervisor",
                       "a worker sent a message that cannot be read: " + error->message);
            end();
            return;
        }
        Envelope& envelope = std::get<Envelope>(parsed);
        auto taken = m_channel->takeDescriptors(envelope.descriptorCount);
        if (!taken) {
            logWarning("supervisor", taken.error().detail);
            end();
            return;
        }
        const auto descriptors = std::make_shared<std::vector<UniqueFd>>(std::move(*taken));
        switch (envelope.kind) {
        case Envelope::Kind::Response:
            answerTo(envelope, {std::move(envelope.body), descriptors});
            break;
        case Envelope::Kind::Failure:
            answerTo(envelope, {envelope.error, nullptr});
            break;
        case Envelope::Kind::Notification:
            if (const auto handler = eventHandlers().find(envelope.method);
                handler != eventHandlers().end())
                (this->*handler->second)(envelope, descriptors);
            break; // an event of a newer protocol is none of ours
        case Envelope::Kind::Request:
            logWarning("supervisor", "a worker sent a request: " + envelope.method);
            break;
        }
    }

    void answerTo(const Envelope& envelope, Answer value) {
        if (const auto* id = std::get_if<int64_t>(&envelope.id))
            answer(*id, std::move(value));
        else if (!value.body)
            logWarning("supervisor", "a worker refused a message: " + value.body.error().detail);
    }

    void answer(int64_t id, Answer value) {
        const auto pending = m_pending.find(id);
        if (pending == m_pending.end())
            return;
        const auto answered = std::move(pending->second);
        m_pending.erase(pending);
        answered(std::move(value));
    }

    template <class Event, auto signal>
    void announce(const Envelope& envelope, const Descriptors& descriptors) {
        const Result<Event> event = control::fromJson<Event>(envelope.body, descriptors->size());
        if (event)
            Q_EMIT(q.*signal)
        (*event);
        else logWarning("supervisor", "a worker's event cannot be read: " + event.error().detail);
    }

    void announceScanout(const Envelope& envelope, const Descriptors& descriptors) {
        const auto event =
            control::fromJson<control::ScanoutChanged>(envelope.body, descriptors->size());
        if (!event || descriptors->size() != 1 || !scanoutIsValid(event->info)) {
            logWarning("supervisor", "a worker's scanout cannot be used");
            return;
        }
        Q_EMIT
        q.scanoutChanged(event->info, std::make_shared<UniqueFd>(std::move(descriptors->front())));
    }

    static const std::unordered_map<std::string_view, EventHandler>& eventHandlers() {
        using W = WorkerConnection;
        static const std::unordered_map<std::string_view, EventHandler> handlers{
            {control::Hello::kMethod, &Private::announce<control::Hello, &W::hello>},
            {control::StateChanged::kMethod,
             &Private::announce<control::StateChanged, &W::stateChanged>},
            {control::ScanoutChanged::kMethod, &Private::announceScanout},
            {control::Damage::kMethod, &Private::announce<control::Damage, &W::damaged>},
            {control::GuestReset::kMethod, &Private::announce<control::GuestReset, &W::guestReset>},
            {control::LedsChanged::kMethod,
             &Private::announce<control::LedsChanged, &W::ledsChanged>},
            {control::PointerModeChanged::kMethod,
             &Private::announce<control::PointerModeChanged, &W::pointerModeChanged>},
            {control::MediumEjected::kMethod,
             &Private::announce<control::MediumEjected, &W::mediumEjected>},
            {control::Activity::kMethod, &Private::announce<control::Activity, &W::activity>},
            {control::JobProgress::kMethod,
             &Private::announce<control::JobProgress, &W::jobProgress>},
            {control::Exiting::kMethod, &Private::announce<control::Exiting, &W::exiting>},
        };
        return handlers;
    }

    WorkerConnection& q;
    std::optional<control::LineChannel> m_channel;
    std::unique_ptr<QSocketNotifier> m_readable, m_writable;
    int64_t m_lastId = 0;
    std::map<int64_t, std::function<void(Answer)>> m_pending;
};

WorkerConnection::WorkerConnection(UniqueFd socket, QObject* parent)
    : QObject(parent), d(std::make_unique<Private>(*this, std::move(socket))) {}

WorkerConnection::~WorkerConnection() {
    d->close();
}

bool WorkerConnection::connected() const {
    return d->connected();
}

template <class Request>
WorkerConnection::Future<Request> WorkerConnection::send(const Request& request,
                                                         std::vector<UniqueFd> descriptors) {
    using Reply = typename Request::Reply;
    auto promise = std::make_shared<QPromise<Result<WorkerReply<Reply>>>>();
    promise->start();
    auto future = promise->future();
    const auto finish = [promise](Result<WorkerReply<Reply>> result) {
        promise->addResult(std::move(result));
        promise->finish();
    };
    if (!connected()) {
        finish(goneError());
        return future;
    }
    d->request(Request::kMethod, control::toJson(request), std::move(descriptors),
               [finish](Answer answer) {
                   if (!answer.body) {
                       finish(answer.body.error());
                       return;
                   }
                   const size_t count = answer.descriptors ? answer.descriptors->size() : 0;
                   Result<Reply> reply = control::fromJson<Reply>(*answer.body, count);
                   if (reply)
                       finish(WorkerReply<Reply>{std::move(*reply), answer.descriptors});
                   else
                       finish(reply.error());
               });
    return future;
}

#define INSTANTIATE(Request)                                                                       \
    template WorkerConnection::Future<control::Request> WorkerConnection::send<control::Request>(  \
        const control::Request&, std::vector<UniqueFd>);
INSTANTIATE(Configure)
INSTANTIATE(Start)
INSTANTIATE(Pause)
INSTANTIATE(Resume)
INSTANTIATE(Reset)
INSTANTIATE(PowerButton)
INSTANTIATE(PowerOff)
INSTANTIATE(Status)
INSTANTIATE(Key)
INSTANTIATE(PointerRelative)
INSTANTIATE(PointerAbsolute)
INSTANTIATE(TypeText)
INSTANTIATE(CancelTyping)
INSTANTIATE(Screenshot)
INSTANTIATE(ScreenText)
INSTANTIATE(ChangeMedium)
INSTANTIATE(AttachSerial)
INSTANTIATE(AttachDrive)
INSTANTIATE(DetachDrive)
INSTANTIATE(ResizeDrive)
INSTANTIATE(Subscribe)
INSTANTIATE(TakeSnapshot)
INSTANTIATE(MergeLayers)
INSTANTIATE(CancelJob)
INSTANTIATE(Fork)
#undef INSTANTIATE

} // namespace vivarium
