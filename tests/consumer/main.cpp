#include <artel/artel.hpp>
#include <iostream>

int main() {
  std::cout << "artel " << artel::version() << '\n';
  return artel::version().empty() ? 1 : 0;
}
