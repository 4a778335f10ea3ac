#include "receiver/http/event_loop.hpp"

#include <pistache/reactor.h>

#include <thread>
#include <utility>

namespace membridge::receiver::http {
namespace {

using Pistache::Polling::NotifyOn;

NotifyOn Interest(bool read, bool write) {
  if (read && write) return static_cast<NotifyOn>(static_cast<int>(NotifyOn::Read) | static_cast<int>(NotifyOn::Write));
  if (read) return NotifyOn::Read;
  if (write) return NotifyOn::Write;
  return NotifyOn::None;
}

/// The handler that Pistache calls. With a single handler per reactor, all 64 bits of a tag come back unchanged.
class ReadyHandler final : public Pistache::Aio::Handler {
 public:
  explicit ReadyHandler(EventLoop::OnReady on_ready) : on_ready_(std::move(on_ready)) {}

  void registerPoller(Pistache::Polling::Epoll&) override {}
  std::shared_ptr<Pistache::Aio::Handler> clone() const override { return std::make_shared<ReadyHandler>(on_ready_); }

  void onReady(const Pistache::Aio::FdSet& entries) override {
    ready_.clear();
    for (const auto& entry : entries) {
      ready_.push_back({entry.getTag().value(), entry.isReadable(), entry.isWritable(), entry.isHangup()});
    }
    on_ready_(ready_);
  }

 private:
  EventLoop::OnReady on_ready_;
  std::vector<Ready> ready_;  // kept for its capacity
};

}  // namespace

struct EventLoop::Impl {
  explicit Impl(OnReady on_ready) : reactor(Pistache::Aio::Reactor::create()) {
    reactor->init();
    key = reactor->addHandler(std::make_shared<ReadyHandler>(std::move(on_ready)));
  }

  std::shared_ptr<Pistache::Aio::Reactor> reactor;
  Pistache::Aio::Reactor::Key key;
  std::thread thread;
};

EventLoop::EventLoop(OnReady on_ready) : impl_(std::make_unique<Impl>(std::move(on_ready))) {}
EventLoop::~EventLoop() {
  Stop();
}

void EventLoop::Start(std::function<void()> on_start) {
  impl_->thread = std::thread{[reactor = impl_->reactor, on_start = std::move(on_start)] {
    on_start();
    reactor->run();
  }};
}

void EventLoop::Stop() {
  if (!impl_->thread.joinable()) return;
  impl_->reactor->shutdown();
  impl_->thread.join();
}

void EventLoop::Watch(int fd, std::uint64_t tag, bool read, bool write) {
  impl_->reactor->registerFd(impl_->key, fd, Interest(read, write), Pistache::Polling::Tag{tag});
}

void EventLoop::Change(int fd, std::uint64_t tag, bool read, bool write) {
  impl_->reactor->modifyFd(impl_->key, fd, Interest(read, write), Pistache::Polling::Tag{tag});
}

void EventLoop::Forget(int fd) {
  impl_->reactor->removeFd(impl_->key, fd);
}

}  // namespace membridge::receiver::http
