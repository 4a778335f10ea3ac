#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "admin/api/document.hpp"
#include "admin/commands/command.hpp"
#include "admin/commands/command_tree.hpp"
#include "mappings/base/version.hpp"

namespace membridge::admin {
namespace {

/// Returns the text for roff: hyphens and backslashes are literal, and no line begins with a control character.
std::string Roff(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    if (c == '\\')
      safe += "\\e";
    else if (c == '-')
      safe += "\\-";
    else
      safe += c;
  }
  return !safe.empty() && (safe[0] == '.' || safe[0] == '\'') ? "\\&" + safe : safe;
}

std::string Synopsis(const DescribedCommand& command) {
  std::string text = "membridge";
  for (const auto& word : command.path) text += " " + word;
  for (const auto& option : command.options) {
    if (!option.positional) continue;
    text += option.required ? " " + option.name : " [" + option.name + "]";
  }
  return text;
}

std::string ManPage(const DescribedCommand& program) {
  std::string page = fmt::format(".TH MEMBRIDGE 1 \"\" \"membridge {}\" \"User commands\"\n", kVersion);
  page += fmt::format(".SH NAME\nmembridge \\- {}\n", Roff(program.text));
  page += ".SH SYNOPSIS\n.B membridge\n.I command\n[\\fIoptions\\fR]\n";
  page +=
      ".SH DESCRIPTION\nmembridge receives the webhook deliveries of Mem0, reads the memories they name and keeps tables in "
      "PostgreSQL\n"
      "equal to them by mappings in YAML. \\fB\\-\\-config\\fR and \\fB\\-\\-json\\fR may stand anywhere on the line.\n";
  page += ".SH COMMANDS\n";
  ForEachCommand(program, [&](const DescribedCommand& command) {
    if (command.path.empty()) return;
    page += fmt::format(".SS {}\n{}\n", Roff(Synopsis(command)), Roff(command.text));
    for (const auto& option : command.options) {
      if (option.name == "--help") continue;
      page += fmt::format(".TP\n\\fB{}\\fR{}\n{}\n", Roff(option.name),
                          option.value.empty() ? "" : " \\fI" + Roff(option.value) + "\\fR", Roff(option.text));
    }
  });
  page +=
      ".SH EXIT STATUS\n.TP\n0\nThe work is done.\n.TP\n1\nThe work or its surroundings (database, rights, Mem0) have problems.\n"
      ".TP\n2\nThe command line or a file is wrong.\n.TP\n3\n\\fBplan\\fR only: something would change.\n";
  page +=
      ".SH ENVIRONMENT\n.TP\nMEMBRIDGE_CONFIG\nNames the configuration where \\-\\-config does not; the default is "
      "membridge.yaml.\n"
      ".TP\nNO_COLOR\nWhen set, nothing is coloured.\n";
  page += ".SH FILES\n.TP\nmembridge.yaml\nThe configuration; \\fBmembridge config example\\fR prints one.\n";
  return page;
}

/// Returns the text for a cell of a Markdown table.
std::string InTable(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    if (c == '|' || c == '<') safe += '\\';
    safe += c;
  }
  return safe;
}

/// Returns one option as a table row: its name, its value and its purpose.
std::string OptionRow(const DescribedOption& option) {
  const std::string value = option.value.empty() || option.positional ? "" : " " + option.value;
  const std::string otherwise = option.otherwise.empty() ? "" : fmt::format(" (`{}` when left out)", option.otherwise);
  return fmt::format("| `{}{}` | {}{}{} |\n", option.name, value, InTable(option.text), InTable(otherwise),
                     option.required ? "; required" : "");
}

/// Returns the content of docs/reference/commands.md, the reference of the command line.
std::string MarkdownPage(const DescribedCommand& program) {
  std::string page =
      "# Command line\n\nMade from the program by `docs/reference/make`; `membridge COMMAND --help` says the same.\n\n"
      "`--config FILE` and `--json` may stand anywhere on the line. Without `--config`, `MEMBRIDGE_CONFIG` names the\n"
      "configuration, else it is `membridge.yaml` in the current folder. With `--json` an error is also printed on stdout: "
      "`{\"error\": {\"code\", \"message\", "
      "\"hint\"}}`.\nOutput is coloured on a terminal only, and not when `NO_COLOR` is set.\n\n"
      "| exit status | |\n|---|---|\n| 0 | the work is done |\n| 1 | the work or its surroundings have problems: "
      "database, rights, Mem0 |\n"
      "| 2 | the command line or a file is wrong; nothing was done |\n| 3 | `plan` only: something would change |\n";
  ForEachCommand(program, [&](const DescribedCommand& command) {
    if (command.path.empty()) return;
    page += fmt::format("\n{} {}\n\n{}.\n", command.path.size() > 1 ? "###" : "##", JoinedPath(command), command.text);
    if (!command.commands.empty()) return;
    page += fmt::format("\n    {}\n", Synopsis(command) + (command.options.size() > 1 ? " [options]" : ""));
    std::string rows;
    for (const auto& option : command.options) {
      if (option.name != "--help") rows += OptionRow(option);
    }
    if (!rows.empty()) page += "\n| option | |\n|---|---|\n" + rows;
  });
  return page;
}

}  // namespace

void AddMan(CLI::App& app, Choice& choice) {
  CLI::App* command = app.add_subcommand("man", "Print the manual page: membridge man | man -l -");
  auto markdown = std::make_shared<bool>(false);
  auto openapi = std::make_shared<bool>(false);
  command->add_flag("--markdown", *markdown, "Instead, the reference of the commands as Markdown");
  command->add_flag("--openapi", *openapi, "Instead, the OpenAPI document of the admin API");
  command->callback([&app, &choice, markdown, openapi] {
    choice = [&app, markdown, openapi](Console& console) {
      if (*openapi) {
        fmt::print(console.out, "{}\n", api::OpenApiText());
        return kDone;
      }
      fmt::print(console.out, "{}", *markdown ? MarkdownPage(Describe(app)) : ManPage(Describe(app)));
      return kDone;
    };
  });
}

}  // namespace membridge::admin
