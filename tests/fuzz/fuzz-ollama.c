#include "tests/fuzz/fuzz-dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        return read_input(&dialect_ollama, data, size);
}
