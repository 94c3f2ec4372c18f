// What the tool is connected to.
#pragma once

namespace mesh::cli {

struct Terminal {
  bool in = false, out = false, err = false;  // is each of stdin, stdout, stderr a terminal
  int out_width = 80, err_width = 80;         // in columns
  int out_height = 24;                        // in lines
  bool color = false;  // stdout: a terminal, not "dumb", and NO_COLOR not set
};

Terminal detect_terminal();

// True where stdout is a pipe that nobody reads any more, as behind `… | head`.
bool reader_has_gone();
// Ends the tool, successfully, once that is so, whatever it waits for meanwhile: for what goes on
// printing what is to come.
void leave_with_reader();

}  // namespace mesh::cli
