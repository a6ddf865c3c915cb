#include "src/master/completion.hpp"

#include <algorithm>
#include <cctype>

#include "artel/error.hpp"
#include "src/master/commands.hpp"

namespace artel {

namespace {

using Words = std::vector<std::string>;

bool plain(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
  });
}

/// Of the shell's function: only letters, digits and underscores.
std::string functionOf(const std::string& program) {
  std::string name = "_artel_" + program;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

std::string joined(const Words& words, const std::string& between = " ") {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

/// In single quotes, where bash, zsh and fish leave all but these two as they are.
std::string shellQuoted(std::string_view text, bool fish = false) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'')
      out += fish ? "\\'" : "'\\''";
    else if (c == '\\' && fish)
      out += "\\\\";
    else
      out += c;
  }
  return out + "'";
}

/// What may stand behind an option; empty when nobody can know.
Words valuesOf(const OptionRow& option, const Words& workers) {
  Words values;
  if (option.namesWorker()) {
    const bool more = option.value != "NAME";  // "[NAME=]ADDRESS"
    for (const std::string& name : workers) values.push_back(name + (more ? "=" : ""));
  }
  if (!option.choices.empty()) values.emplace_back(option.choices);
  return values;
}

Words namesOf(const OptionRow& option) {
  Words names;
  if (!option.shortName().empty()) names.emplace_back(option.shortName());
  names.emplace_back(option.longName());
  return names;
}

std::string commandNames() {
  Words names;
  for (const CommandRow& row : commandTable()) names.emplace_back(row.name);
  return joined(names);
}

/// The loop that finds the command among the words before the cursor; bash and zsh read it alike.
std::string findCommand(std::string_view words, std::string_view first, std::string_view end,
                        std::string_view afterMarks) {
  Words valued;
  for (const OptionRow& option : optionTable()) {
    if (!option.isFlag()) valued.push_back(joined(namesOf(option), "|"));
  }
  const std::string word = "${" + std::string(words) + "[i]}";
  return "  for ((i = " + std::string(first) + "; i < " + std::string(end) + "; ++i)); do\n    case " + word +
         " in\n      --) " + std::string(afterMarks) + "; return ;;\n      " + joined(valued, "|") +
         ") ((++i)) ;;\n      -*) ;;\n      *) command=" + word + "; break ;;\n    esac\n  done\n";
}

std::string bash(const std::string& program, const Words& workers) {
  const std::string function = functionOf(program);
  const auto offer = [](const std::string& words) {
    return "COMPREPLY=($(compgen -W " + shellQuoted(words) + " -- \"$word\"))";
  };
  std::string text =
      "# For bash. Now: eval \"$(" + program + " completion bash)\"; always: save it as\n# ~/.local/share/" +
      "bash-completion/completions/" + program + "\n" + function +
      "() {\n"
      "  local IFS=$' \\t\\n' word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command= i\n"
      "  COMPREPLY=()\n" +
      findCommand("COMP_WORDS", "1", "COMP_CWORD", "compopt -o default") + "  case $before in\n";
  for (const OptionRow& option : optionTable()) {
    if (option.isFlag()) continue;
    const Words values = valuesOf(option, workers);
    text += "    " + joined(namesOf(option), "|") + ") ";
    if (option.isFile())
      text += "compopt -o filenames; COMPREPLY=($(compgen -f -- \"$word\")); ";
    else if (!values.empty())
      text += offer(joined(values)) + "; ";
    if (option.namesWorker() && option.value != "NAME") text += "[[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace; ";
    text += "return ;;\n";
  }
  text += "  esac\n  case $command in\n    '') " + offer(commandNames()) + " ;;\n";
  for (const CommandRow& row : commandTable()) {
    Words words;
    if (!row.words.empty()) words.emplace_back(row.words);
    for (const OptionRow& option : optionTable()) {
      if (option.takenBy(row.verb)) words.push_back(joined(namesOf(option)));
    }
    if (!words.empty()) text += "    " + std::string(row.name) + ") " + offer(joined(words)) + " ;;\n";
  }
  return text + "  esac\n}\ncomplete -F " + function + " " + shellQuoted(program) + "\n";
}

/// "word:what it is" for _describe.
std::string described(std::string_view word, std::string_view help) {
  std::string text(word);
  text += ':';
  for (const char c : help) text.append(c == ':' ? "\\" : "").append(1, c);
  return shellQuoted(text);
}

std::string zsh(const std::string& program, const Words& workers) {
  const std::string function = functionOf(program);
  std::string text = "#compdef " + program + "\n# For zsh. Now: eval \"$(" + program +
                     " completion zsh)\"; always: save it as _" + program + " in a folder of $fpath.\n" + function +
                     "() {\n  local command= i\n  local -a found\n" + findCommand("words", "2", "CURRENT", "_default") +
                     "  case ${words[CURRENT-1]} in\n";
  for (const OptionRow& option : optionTable()) {
    if (option.isFlag()) continue;
    text += "    " + joined(namesOf(option), "|") + ") ";
    if (option.isFile()) text += "_files; ";
    for (const std::string& value : valuesOf(option, workers))
      text += std::string("compadd ") + (value.back() == '=' ? "-S '' " : "") + "-- " + value + "; ";
    text += "return ;;\n";
  }
  text += "  esac\n  case $command in\n    '') found=(";
  Words rows;
  for (const CommandRow& row : commandTable()) rows.push_back(described(row.name, row.help));
  text += joined(rows, "\n      ") + ")\n      _describe command found ;;\n";
  for (const CommandRow& row : commandTable()) {
    Words words;
    for (const OptionRow& option : optionTable()) {
      if (!option.takenBy(row.verb)) continue;
      for (const std::string& name : namesOf(option)) words.push_back(described(name, option.help));
    }
    if (words.empty() && row.words.empty()) continue;
    text += "    " + std::string(row.name) + ") ";
    if (!row.words.empty()) text += "compadd -- " + std::string(row.words) + "\n      ";
    if (!words.empty()) text += "found=(" + joined(words, "\n      ") + ")\n      _describe -o option found ";
    text += ";;\n";
  }
  return text + "  esac\n}\nif [[ ${funcstack[1]} == _" + program + " ]]; then\n  " + function +
         " \"$@\"\nelse\n  compdef " + function + " " + shellQuoted(program) + "\nfi\n";
}

std::string fish(const std::string& program, const Words& workers) {
  const std::string line = "complete -c " + shellQuoted(program, true) + " ";
  std::string text = "# For fish. Now: " + program +
                     " completion fish | source; always: save it as\n# ~/.config/fish/" + "completions/" + program +
                     ".fish\n" + line + "-f\n";
  for (const CommandRow& row : commandTable()) {
    text += line + "-n __fish_use_subcommand -a " + std::string(row.name) + " -d " + shellQuoted(row.help, true) + "\n";
    if (!row.words.empty())
      text += line + "-n '__fish_seen_subcommand_from " + std::string(row.name) + "' -a " +
              shellQuoted(row.words, true) + "\n";
  }
  for (const OptionRow& option : optionTable()) {
    Words takers;
    for (const CommandRow& row : commandTable()) {
      if (option.takenBy(row.verb)) takers.emplace_back(row.name);
    }
    text += line + "-n '__fish_seen_subcommand_from " + joined(takers) + "'";
    if (!option.shortName().empty()) text += " -s " + std::string(option.shortName().substr(1));
    text += " -l " + std::string(option.longName().substr(2));
    if (option.isFile())
      text += " -r -F";
    else if (!option.isFlag())
      text += " -x";
    if (const Words values = valuesOf(option, workers); !values.empty())
      text += " -a " + shellQuoted(joined(values), true);
    text += " -d " + shellQuoted(option.help, true) + "\n";
  }
  return text;
}

}  // namespace

std::string completionScript(std::string_view shell, const std::string& program,
                             const std::vector<std::string>& workers) {
  Words known;
  for (const std::string& name : workers) {
    if (plain(name) && name != "none") known.push_back(name);
  }
  if (shell == "bash") return bash(program, known);
  if (shell == "zsh") return zsh(program, known);
  if (shell == "fish") return fish(program, known);
  throw SetupError(Exit::usage,
                   shell.empty() ? "completion: for which shell?"
                                 : "completion: \"" + std::string(shell) + "\" is no shell that it knows",
                   {{"try", program + " completion bash, zsh or fish"}});
}

}  // namespace artel
