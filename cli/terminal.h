// What the tool is connected to.
#pragma once

namespace mesh::cli {

struct Terminal {
  bool in = false, out = false, err = false;  // is each of stdin, stdout, stderr a terminal
  int out_width = 80, err_width = 80;
  bool color = false;  // stdout: a terminal, not "dumb", and NO_COLOR not set
};

Terminal detect_terminal();

}  // namespace mesh::cli
