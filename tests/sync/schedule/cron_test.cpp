#include "sync/schedule/cron.hpp"

#include <string>
#include <vector>

#include "tests/support/catch.hpp"

namespace membridge::sync {
namespace {

TimeZone Zone(const std::string& name) {
  auto zone = TimeZone::Named(name);
  REQUIRE(zone);
  return *zone;
}

/// The next moments after a time, in UTC to the minute: `2026-03-01T03:00`.
std::vector<std::string> Moments(const std::string& schedule, const std::string& after, const std::string& zone,
                                 std::size_t many) {
  const auto cron = Cron::Parse(schedule);
  if (!cron) FAIL(cron.error().message);
  std::vector<std::string> moments;
  Instant at = *ParseRfc3339(after);
  while (moments.size() < many) {
    const auto next = cron->Next(at, Zone(zone));
    if (!next) break;
    moments.push_back(FormatRfc3339(*next).substr(0, 16));
    at = *next;
  }
  return moments;
}

std::string ProblemOf(const std::string& schedule) {
  const auto cron = Cron::Parse(schedule);
  return cron ? "none" : cron.error().message + "; " + cron.error().hint;
}

}  // namespace

TEST_CASE("a schedule names its moments", "[cron]") {
  struct Row {
    std::string schedule, after;
    std::vector<std::string> moments;
  };
  const auto row = GENERATE(values<Row>({
      {"0 3 * * *", "2026-03-01T03:00:00Z", {"2026-03-02T03:00", "2026-03-03T03:00"}},
      {"0 3 * * *", "2026-03-01T02:59:59.999999Z", {"2026-03-01T03:00"}},
      {"*/15 * * * *", "2026-03-01T10:20:30Z", {"2026-03-01T10:30", "2026-03-01T10:45", "2026-03-01T11:00"}},
      {"5/20 8-9 * * *",
       "2026-03-01T00:00:00Z",
       {"2026-03-01T08:05", "2026-03-01T08:25", "2026-03-01T08:45", "2026-03-01T09:05"}},
      {"10-30/10,50 0 * * *",
       "2026-03-01T00:00:00Z",
       {"2026-03-01T00:10", "2026-03-01T00:20", "2026-03-01T00:30", "2026-03-01T00:50"}},
      {"30 4 * * 0", "2026-03-01T05:00:00Z", {"2026-03-08T04:30"}},
      {"30 4 * * 7", "2026-03-01T05:00:00Z", {"2026-03-08T04:30"}},
      {"30 4 * * SUN", "2026-03-01T05:00:00Z", {"2026-03-08T04:30"}},
      {"0 0 * * sat-sun", "2026-03-02T00:00:00Z", {"2026-03-07T00:00", "2026-03-08T00:00", "2026-03-14T00:00"}},
      {"0 9 * * mon-fri", "2026-03-06T09:00:00Z", {"2026-03-09T09:00"}},
      {"0 0 1 jan,Jul *", "2026-03-01T00:00:00Z", {"2026-07-01T00:00", "2027-01-01T00:00"}},
      {"0 0 31 * *", "2026-03-31T00:00:00Z", {"2026-05-31T00:00", "2026-07-31T00:00"}},
      {"0 0 29 2 *", "2026-03-01T00:00:00Z", {"2028-02-29T00:00", "2032-02-29T00:00"}},
      {"0 0 29 2 *", "2096-03-01T00:00:00Z", {"2104-02-29T00:00"}},
      // Day of month or day of week, when both are restricted; and when one begins with *, both.
      {"0 0 13 * fri", "2026-03-01T00:00:00Z", {"2026-03-06T00:00", "2026-03-13T00:00", "2026-03-20T00:00"}},
      {"0 0 */2 * fri", "2026-03-01T00:00:00Z", {"2026-03-13T00:00", "2026-03-27T00:00"}},
      {"@hourly", "2026-03-01T10:20:00Z", {"2026-03-01T11:00"}},
      {"@daily", "2026-03-01T10:20:00Z", {"2026-03-02T00:00"}},
      {"@midnight", "2026-03-01T10:20:00Z", {"2026-03-02T00:00"}},
      {"@weekly", "2026-03-01T10:20:00Z", {"2026-03-08T00:00"}},
      {"@Monthly", "2026-03-01T10:20:00Z", {"2026-04-01T00:00"}},
      {"@yearly", "2026-03-01T10:20:00Z", {"2027-01-01T00:00"}},
      {"@annually", "2026-03-01T10:20:00Z", {"2027-01-01T00:00"}},
      {"  0\t3 *  * * ", "2026-03-01T03:00:00Z", {"2026-03-02T03:00"}},
      {"59 23 31 12 *", "2026-12-31T23:59:00Z", {"2027-12-31T23:59"}},
  }));
  CAPTURE(row.schedule, row.after);
  CHECK(Moments(row.schedule, row.after, "UTC", row.moments.size()) == row.moments);
}

TEST_CASE("a schedule follows its place's clock through gaps and repetitions", "[cron]") {
  struct Row {
    std::string schedule, zone, after;
    std::vector<std::string> moments;
  };
  const auto row = GENERATE(values<Row>({
      {"0 3 * * *", "Europe/Berlin", "2026-01-15T00:00:00Z", {"2026-01-15T02:00"}},
      {"0 3 * * *", "Europe/Berlin", "2026-07-15T00:00:00Z", {"2026-07-15T01:00"}},
      // 29 March 2026: 02:00 to 03:00 does not exist in Berlin. The gap ends at 01:00 UTC.
      {"30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", {"2026-03-29T01:00", "2026-03-30T00:30"}},
      {"0 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", {"2026-03-29T01:00", "2026-03-30T00:00"}},
      // A time in the gap and one at its end are one moment.
      {"0 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", {"2026-03-29T01:00", "2026-03-30T00:00", "2026-03-30T01:00"}},
      {"*/20 * * * *", "Europe/Berlin", "2026-03-29T00:30:00Z", {"2026-03-29T00:40", "2026-03-29T01:00", "2026-03-29T01:20"}},
      // 25 October 2026: 02:00 to 03:00 comes twice in Berlin, at 00:00 and at 01:00 UTC.
      {"30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", {"2026-10-25T00:30", "2026-10-26T01:30"}},
      {"30 2 * * *", "Europe/Berlin", "2026-10-25T00:45:00Z", {"2026-10-26T01:30"}},
      {"30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", {"2026-10-26T01:30"}},
      {"*/30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", {"2026-10-25T00:00", "2026-10-25T00:30", "2026-10-26T01:00"}},
      // Every hour means a distance: both passes count.
      {"30 * * * *",
       "Europe/Berlin",
       "2026-10-24T23:00:00Z",
       {"2026-10-24T23:30", "2026-10-25T00:30", "2026-10-25T01:30", "2026-10-25T02:30"}},
      {"*/30 * * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", {"2026-10-25T01:00", "2026-10-25T01:30", "2026-10-25T02:00"}},
      {"@hourly", "Europe/Berlin", "2026-03-29T00:00:00Z", {"2026-03-29T01:00", "2026-03-29T02:00"}},
      // New York, the other way round in the year.
      {"30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", {"2026-03-08T07:00", "2026-03-09T06:30"}},
      {"30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", {"2026-11-01T05:30", "2026-11-02T06:30"}},
      // Half an hour in Lord Howe; a gap over midnight in Beirut; and Samoa left out a whole day.
      {"15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", {"2026-10-03T15:30", "2026-10-04T15:15"}},
      {"30 0 * * *", "Asia/Beirut", "2022-03-26T00:00:00Z", {"2022-03-26T22:00", "2022-03-27T21:30"}},
      {"0 12 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z", {"2011-12-29T22:00", "2011-12-30T10:00", "2011-12-30T22:00"}},
      {"0 0 * * *", "Asia/Kolkata", "2026-03-01T00:00:00Z", {"2026-03-01T18:30"}},
  }));
  CAPTURE(row.schedule, row.zone, row.after);
  CHECK(Moments(row.schedule, row.after, row.zone, row.moments.size()) == row.moments);
}

TEST_CASE("of missed moments the last one counts", "[cron]") {
  const auto cron = Cron::Parse("0 3 * * *");
  REQUIRE(cron);
  const TimeZone utc = Zone("UTC");
  const auto last = [&](const std::string& after, const std::string& until) {
    const auto moment = cron->Last(*ParseRfc3339(after), *ParseRfc3339(until), utc);
    return moment ? FormatRfc3339(*moment).substr(0, 16) : "none";
  };
  CHECK(last("2026-03-01T03:00:00Z", "2026-03-01T12:00:00Z") == "none");
  CHECK(last("2026-03-01T02:59:00Z", "2026-03-01T03:00:00Z") == "2026-03-01T03:00");
  CHECK(last("2026-03-01T03:00:00Z", "2026-03-02T03:00:00Z") == "2026-03-02T03:00");
  CHECK(last("2024-01-01T00:00:00Z", "2026-03-01T12:00:00Z") == "2026-03-01T03:00");
  CHECK(last("2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z") == "none");
  CHECK(last("2026-03-02T00:00:00Z", "2026-03-01T00:00:00Z") == "none");
}

TEST_CASE("a schedule that cannot be read says where and what to write", "[cron]") {
  struct Row {
    std::string schedule, problem;
  };
  const auto row = GENERATE(values<Row>({
      {"0 25 * * *", "schedule \"0 25 * * *\", column 3, hour: \"25\" is no hour; write 0-23"},
      {"60 * * * *", "schedule \"60 * * * *\", column 1, minute: \"60\" is no minute; write 0-59"},
      {"0 0 0 * *", "schedule \"0 0 0 * *\", column 5, day of month: \"0\" is no day of month; write 1-31"},
      {"0 0 * foo *", "schedule \"0 0 * foo *\", column 7, month: \"foo\" is no month; write 1-12 or jan-dec"},
      {"0 0 * * 8", "schedule \"0 0 * * 8\", column 9, day of week: \"8\" is no day of week; write 0-7 or sun-sat"},
      {"0 1,,2 * * *", "schedule \"0 1,,2 * * *\", column 5, hour: \"\" is no hour; a value is missing beside a comma, - or /"},
      {"0 22-2 * * *", "schedule \"0 22-2 * * *\", column 3, hour: \"22-2\" runs backwards; write 22-23,0-2"},
      {"0 0 * * fri-mon", "schedule \"0 0 * * fri-mon\", column 9, day of week: \"fri-mon\" runs backwards; write fri-6,0-mon"},
      {"*/0 * * * *", "schedule \"*/0 * * * *\", column 3, minute: \"0\" is no step; write /1 to /59"},
      {"*/90 * * * *", "schedule \"*/90 * * * *\", column 3, minute: \"90\" is no step; write /1 to /59"},
      {"*/ * * * *", "schedule \"*/ * * * *\", column 3, minute: \"\" is no step; write /1 to /59"},
      {"1/2/3 * * * *", "schedule \"1/2/3 * * * *\", column 1, minute: \"1/2/3\" has two steps; write one /n"},
      {"1-2-3 * * * *", "schedule \"1-2-3 * * * *\", column 1, minute: \"1-2-3\" is no range; write a-b"},
      {"-5 * * * *", "schedule \"-5 * * * *\", column 1, minute: \"\" is no minute; a value is missing beside a comma, - or /"},
      {"0 0 30 2 *",
       "schedule \"0 0 30 2 *\", column 5, day of month: no month of \"2\" has day 30; change the day of month or the month"},
      {"0 0 31 4,6,9,11 *",
       "schedule \"0 0 31 4,6,9,11 *\", column 5, day of month: no month of \"4,6,9,11\" has day 31; change the day of month or "
       "the month"},
      {"0 0 L * *", "schedule \"0 0 L * *\", column 5, day of month: \"L\" is no day of month; write 1-31"},
      {"0 3 * *",
       "schedule \"0 3 * *\" has 4 fields, not five; write minute hour day-of-month month day-of-week, like \"0 3 * * *\""},
      {"", "schedule \"\" has 0 fields, not five; write minute hour day-of-month month day-of-week, like \"0 3 * * *\""},
      {"0 0 3 * * *",
       "schedule \"0 0 3 * * *\" has 6 fields, not five; there are no seconds and no years: minute hour day-of-month month "
       "day-of-week"},
      {"@reboot",
       "schedule \"@reboot\", column 1: \"@reboot\" is not known; write @yearly, @monthly, @weekly, @daily, @hourly or five "
       "fields like \"0 3 * * "
       "*\""},
  }));
  CHECK(ProblemOf(row.schedule) == row.problem);
}

TEST_CASE("either field is enough, so a day that no month has does not matter beside a weekday", "[cron]") {
  CHECK(Moments("0 0 31 2 mon", "2026-03-01T00:00:00Z", "UTC", 1) == std::vector<std::string>{"2027-02-01T00:00"});
}

TEST_CASE("a time zone that the system does not know is refused with the nearest name", "[cron]") {
  const auto zone = TimeZone::Named("Europe/Berln");
  REQUIRE_FALSE(zone);
  CHECK(zone.error().message == "unknown time zone \"Europe/Berln\"; did you mean \"Europe/Berlin\"?");
  CHECK_FALSE(TimeZone::Named(""));
  CHECK_FALSE(TimeZone::Named("../../etc/passwd"));
  CHECK_FALSE(TimeZone::Named("/etc/localtime"));
}

}  // namespace membridge::sync
