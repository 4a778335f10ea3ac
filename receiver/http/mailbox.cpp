#include "receiver/http/mailbox.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace membridge::receiver::http {

Mailbox::Mailbox() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

Mailbox::~Mailbox() {
  for (const Newcomer& newcomer : contents_.newcomers) close(newcomer.fd);
  close(fd_);
}

void Mailbox::Post(Answer answer) {
  bool was_empty = false;
  {
    const std::lock_guard lock{mutex_};
    was_empty = contents_.empty();
    contents_.answers.push_back(std::move(answer));
  }
  Announce(was_empty);
}

void Mailbox::Post(Newcomer newcomer) {
  bool was_empty = false;
  {
    const std::lock_guard lock{mutex_};
    was_empty = contents_.empty();
    contents_.newcomers.push_back(std::move(newcomer));
  }
  Announce(was_empty);
}

void Mailbox::PostDrain() {
  {
    const std::lock_guard lock{mutex_};
    contents_.drain = true;
  }
  Wake();
}

void Mailbox::Own() {
  owner_ = std::this_thread::get_id();
}

// Wakes the owner only when the mailbox was empty. So the thousand answers of one commit cost one system call.
void Mailbox::Announce(bool was_empty) const {
  if (was_empty && owner_.load() != std::this_thread::get_id()) Wake();
}

void Mailbox::Wake() const {
  const std::uint64_t one = 1;
  // This can fail only when the counter is full; then the descriptor is readable anyway.
  [[maybe_unused]] const ssize_t written = write(fd_, &one, sizeof one);
}

void Mailbox::Quieten() const {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = read(fd_, &count, sizeof count);
}

void Mailbox::Take(Contents& contents) {
  contents.answers.clear();
  contents.newcomers.clear();
  contents.drain = false;
  const std::lock_guard lock{mutex_};
  std::swap(contents, contents_);
}

}  // namespace membridge::receiver::http
