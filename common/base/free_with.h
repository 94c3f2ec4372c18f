// For what a C library makes and has to free: std::unique_ptr<X509, FreeWith<X509_free>>.
#pragma once

namespace mesh {

template <auto Free>
struct FreeWith {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

}  // namespace mesh
