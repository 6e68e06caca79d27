#include "cli/program.h"

int main(int argc, char** argv) { return dicomhouse::cli::Main(argc, argv); }
