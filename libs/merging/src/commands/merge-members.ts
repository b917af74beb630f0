/** That the customers of a merge are there and not erased, asked of their own streams. */
import { Injectable } from '@nestjs/common';
import { CustomerDirectory } from '@timeline/deciding';
import { DomainError, errorCode } from '@timeline/kernel';

@Injectable()
export class MergeMembers {
  constructor(private readonly directory: CustomerDirectory) {}

  /**
   * @param pointer JSON pointer to the customer's id in the request
   * @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED
   */
  async assertThere(customerId: string, pointer: string): Promise<void> {
    try {
      await this.directory.resolve({ customerId });
    } catch (error) {
      // The directory points into a reference to a customer; here it is the id itself that is wrong.
      throw error instanceof DomainError ? new DomainError(error.code, error.message, { pointer }) : error;
    }
  }

  async isErased(customerId: string): Promise<boolean> {
    try {
      await this.directory.resolve({ customerId });
      return false;
    } catch (error) {
      if (errorCode(error) === 'CUSTOMER_ERASED') return true;
      throw error;
    }
  }
}
