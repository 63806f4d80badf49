// Attributes of the ops that solve systems of linear equations and factorise matrices.
#pragma once

#include "ir/op_def.h"

namespace isomer::ops {

struct AdjointAttributes {
  bool adjoint = false;  // the matrix is transposed and, where complex, conjugated first
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("adjoint", self.adjoint);
  }
};

struct TriangularSolveAttributes {
  bool lower = true;  // the triangle that counts, before the adjoint is taken
  bool adjoint = false;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("lower", self.lower);
    visit("adjoint", self.adjoint);
  }
};

struct QrAttributes {
  bool full_matrices = false;  // a square Q, and an R of the shape of the input
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("full_matrices", self.full_matrices);
  }
};

struct SelfAdjointEigAttributes {
  bool compute_v = true;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("compute_v", self.compute_v);
  }
};

}  // namespace isomer::ops
